export {
  decodeRequest,
  decodeResponse,
  ENVELOPE_RESERVE_BYTES,
  encodeRequest,
  encodeResponse,
  longestMessage,
  PayloadTooLargeError,
} from './envelope.ts';
export {
  type AgentInstance,
  type AgentSubjects,
  agentSubjects,
  type MachineAddress,
  machineOpFrames,
  machineSubjects,
  type OpSubject,
  parseAgentSubject,
  parseOpSubject,
  readerFrames,
  type SpokenSubject,
} from './subjects.ts';
