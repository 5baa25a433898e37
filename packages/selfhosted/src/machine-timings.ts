/** How long a machine is waited for, in milliseconds. */
export interface MachineTimings {
  /** For the reply to one request. */
  readonly requestMs: number;
  /** A question for the end of a command is held by the machine for so long, and then asked anew. */
  readonly heldMs: number;
  /** A stream that is silent for so long is asked for. */
  readonly silenceMs: number;
  /** A machine that stays away for so long is given up for this call. */
  readonly awayMs: number;
  /** Between two acks of a stream. */
  readonly ackMs: number;
  /** A frame that is missing is waited for so long before it is asked for: others may have overtaken it. */
  readonly gapMs: number;
  /** The first pause before a request is repeated; the next ones are longer, up to `longestPauseMs`. */
  readonly pauseMs: number;
  readonly longestPauseMs: number;
}

export const MACHINE_TIMINGS: MachineTimings = {
  requestMs: 30_000,
  heldMs: 20_000,
  silenceMs: 30_000,
  awayMs: 120_000,
  ackMs: 5000,
  gapMs: 50,
  pauseMs: 250,
  longestPauseMs: 8000,
};
