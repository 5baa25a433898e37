export type {
  ControlRpc,
  HeardStream,
  InstanceDirectory,
  MachineLink,
  OpFrames,
  RpcOptions,
} from './control-rpc.ts';
export {
  MACHINE_PROVIDER,
  MachineBox,
  type MachineBoxFiles,
  type MachineBoxOptions,
  refOfMachine,
} from './machine-box.ts';
export { MachineFailure, type MachineReason, machineReason } from './machine-failure.ts';
export {
  type MachineDirectory,
  type MachineProviderOptions,
  machineOf,
  machineProvider,
} from './machine-provider.ts';
export {
  MachineScreen,
  type MachineScreenshot,
  type RelayTerminalRequest,
  type ScreenEvent,
} from './machine-screen.ts';
export { MACHINE_TIMINGS, type MachineTimings } from './machine-timings.ts';
export { NATS_LINK_OPTIONS, NatsControlRpc, type NatsControlRpcOptions } from './nats-control-rpc.ts';
export type { PortRelay } from './relay-tunnel.ts';
export {
  NEVER_SENT,
  offlineAgentError,
  offlineControlResponse,
  timeoutAgentError,
  timeoutControlResponse,
} from './wire-answers.ts';
