/** What happens to one message between a caller and its box. */
export type ChaosFault =
  /** It is lost: the caller waits until its deadline or its signal. A lost answer means that the call was made. */
  | { readonly kind: 'drop' }
  | { readonly kind: 'delay'; readonly delayMs: number }
  /** It comes after the next message of another call. */
  | { readonly kind: 'reorder' }
  /** From here on somebody else owns the box: this and every later call is `fenced`. */
  | { readonly kind: 'fence' }
  /** The caller's process dies here: this and every later call ends with `ChaosDeath` and does nothing. */
  | { readonly kind: 'die' };

/** Every call has two points, before it reaches the box and before its answer comes back; an item has one. */
export interface ChaosPlan {
  /** Faults at counted points, the first being 1. */
  readonly faults?: readonly { readonly point: number; readonly fault: ChaosFault }[];
  /** Faults at points chosen by a seeded generator: the same seed chooses the same points. */
  readonly random?: {
    readonly seed: number;
    /** From 0 to 1, for each point. */
    readonly probability: number;
    readonly faults: readonly ChaosFault[];
  };
}

/** Not a SandboxError on purpose: nothing that handles errors of boxes may handle the end of its own process. */
export class ChaosDeath extends Error {
  override readonly name = 'ChaosDeath';
}

/** Numbers from 0 to 1 that depend on the seed alone (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
