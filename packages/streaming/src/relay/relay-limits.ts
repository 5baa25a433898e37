/** Every bound of a relay. Sizes count a small constant for each frame beside its data. */
export interface RelayLimits {
  /** From the websocket to an accepted StreamOpen. */
  readonly openTimeoutMs: number;
  /** How long a channel waits for its other side. */
  readonly halfOpenMs: number;
  /** Somebody who answers no ping for two of these is gone. */
  readonly pingIntervalMs: number;
  /** A viewer that took nothing for so long no longer makes the others wait; it goes on with a gap. */
  readonly stallMs: number;
  /** What a producer said and viewers may still ask for, per channel. */
  readonly ringBytes: number;
  /** What may be under way from a side that heeds acks; at most half of `ringBytes`. */
  readonly windowBytes: number;
  /** What viewers said and the producer did not take yet, per channel. */
  readonly inputBytes: number;
  /** Of all channels together. Above it producers wait. */
  readonly totalBytes: number;
  /** The longest message. */
  readonly messageBytes: number;
  /** What each side may send at once, and from then on per second. */
  readonly burstBytes: number;
  readonly bytesPerSecond: number;
  readonly channels: number;
  readonly viewersPerChannel: number;
  /** Sockets that have not opened anything yet. */
  readonly pendingSockets: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND = 1000;

export const DEFAULT_RELAY_LIMITS: RelayLimits = {
  openTimeoutMs: 10 * SECOND,
  halfOpenMs: 120 * SECOND,
  pingIntervalMs: 20 * SECOND,
  stallMs: 30 * SECOND,
  ringBytes: MIB,
  windowBytes: 512 * KIB,
  inputBytes: 256 * KIB,
  totalBytes: 256 * MIB,
  // A picture of a large screen fits.
  messageBytes: 8 * MIB,
  burstBytes: 16 * MIB,
  bytesPerSecond: 8 * MIB,
  channels: 4096,
  viewersPerChannel: 64,
  pendingSockets: 256,
};
