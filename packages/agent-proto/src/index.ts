export { type DataFrame, decodeDataFrame, encodeDataFrame } from './data-frame.ts';
export {
  decodeRequest,
  decodeResponse,
  ENVELOPE_RESERVE_BYTES,
  encodeRequest,
  encodeResponse,
  longestMessage,
  PayloadTooLargeError,
} from './envelope.ts';
export { fingerprintOf } from './machine-key.ts';
export {
  type AgentInstance,
  type AgentSubjects,
  agentSubjects,
  type MachineAddress,
  machineBase,
  machineOpFrames,
  machineSubjects,
  type OpSubject,
  parseAgentSubject,
  parseOpSubject,
  readerFrames,
  type SpokenSubject,
} from './subjects.ts';
