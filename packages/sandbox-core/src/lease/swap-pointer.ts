/** Which box a session works in. Null is the session's own, its home. */
export interface ActivePointer {
  readonly activeSandboxId: string | null;
  /** Grows with every swap. */
  readonly activeEpoch: number;
}

export type SwapOutcome = 'swapped' | 'unchanged' | 'fenced';

/**
 * A compare-and-set: `fenced`, and nothing changes, when the caller's epoch is not the pointer's. What is active
 * already stays `unchanged` whatever epoch is expected, so that a swap whose reply was lost can be repeated.
 */
export function swapPointer(
  pointer: ActivePointer,
  target: string | null,
  expectedEpoch?: number,
): { readonly pointer: ActivePointer; readonly outcome: SwapOutcome } {
  if (pointer.activeSandboxId === target) return { pointer, outcome: 'unchanged' };
  if (expectedEpoch !== undefined && pointer.activeEpoch !== expectedEpoch)
    return { pointer, outcome: 'fenced' };
  return {
    pointer: { activeSandboxId: target, activeEpoch: pointer.activeEpoch + 1 },
    outcome: 'swapped',
  };
}
