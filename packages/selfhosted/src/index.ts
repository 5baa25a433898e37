export type {
  ControlRpc,
  HeardStream,
  InstanceDirectory,
  MachineLink,
  OpFrames,
  RpcOptions,
} from './control-rpc.ts';
export { MachineFailure, type MachineReason, machineReason } from './machine-failure.ts';
export { NATS_LINK_OPTIONS, NatsControlRpc, type NatsControlRpcOptions } from './nats-control-rpc.ts';
export {
  NEVER_SENT,
  offlineAgentError,
  offlineControlResponse,
  timeoutAgentError,
  timeoutControlResponse,
} from './wire-answers.ts';
