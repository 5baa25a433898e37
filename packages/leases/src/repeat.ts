import type { Clock } from '@boxyard/sandbox-core';

/**
 * Does `beat` every `periodMs` until the signal aborts or `beat` answers `stop`. A beat never overlaps the next,
 * and one that throws is told and followed by the next: only silence may cost what it keeps.
 */
export async function repeat(
  clock: Clock,
  periodMs: number,
  signal: AbortSignal,
  beat: () => Promise<'go-on' | 'stop'>,
  onError: (error: unknown) => void,
): Promise<void> {
  for (;;) {
    await clock.sleep(periodMs, signal).catch(() => {});
    if (signal.aborted) return;
    try {
      if ((await beat()) === 'stop') return;
    } catch (error) {
      if (signal.aborted) return;
      onError(error);
    }
  }
}
