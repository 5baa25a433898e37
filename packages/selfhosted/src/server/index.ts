export type { AgentTransport } from './agent-transport.ts';
export {
  type AgentConnections,
  NatsAgentTransport,
  type NatsAgentTransportOptions,
} from './nats-agent-transport.ts';
export { OP_TIMINGS, type OpTimings } from './op-table.ts';
export type {
  AgentSelf,
  AllowedRoot,
  AuditEntry,
  MachineScreen,
  Policy,
  RelayDuplex,
  Screenshot,
} from './policy.ts';
export { type ServeBoxOptions, type ServedBox, serveBox } from './serve-box.ts';
