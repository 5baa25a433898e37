/** Every message and enum of the protocol, as protobuf-es makes them from `proto/`. */
export * from './generated/opengeni/agent/v1/control_pb.ts';
export * from './generated/opengeni/agent/v1/desktop_pb.ts';
export * from './generated/opengeni/agent/v1/enrollment_pb.ts';
export * from './generated/opengeni/agent/v1/error_pb.ts';
export * from './generated/opengeni/agent/v1/exec_pb.ts';
export * from './generated/opengeni/agent/v1/filesystem_pb.ts';
export * from './generated/opengeni/agent/v1/git_pb.ts';
export * from './generated/opengeni/agent/v1/health_pb.ts';
export * from './generated/opengeni/agent/v1/input_pb.ts';
export * from './generated/opengeni/agent/v1/machine_pb.ts';
export * from './generated/opengeni/agent/v1/op_pb.ts';
export * from './generated/opengeni/agent/v1/pty_pb.ts';
export * from './generated/opengeni/agent/v1/stream_pb.ts';
export * from './generated/opengeni/agent/v1/update_pb.ts';
