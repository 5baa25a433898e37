export { RelayCloseCode } from './close-code.ts';
export { frameCost } from './frame-cost.ts';
export { reconnectDelayMs } from './reconnect-delay.ts';
export { parseRelayQuery, RELAY_PATH, type RelayRendezvous, relayAddress } from './relay-address.ts';
export type { RelayChannel } from './relay-channel.ts';
export { type OpenStreamOptions, RelayDialler, type RelayDiallerOptions } from './relay-dialler.ts';
export type { RelayEnd } from './relay-end.ts';
export { RelayError, type RelayErrorCode } from './relay-error.ts';
export {
  decodeRelayMessage,
  encodeAck,
  encodeClose,
  encodeFrame,
  encodeInput,
  encodeOpen,
  encodeOpenAck,
  type RelayMessage,
  type UnknownRelayMessage,
} from './relay-message.ts';
export type { RelayEvent, RelayStream } from './relay-stream.ts';
