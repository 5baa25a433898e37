import { SandboxError } from '@boxyard/sandbox-core';
import type { LeaseContext } from './lease-context.ts';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

/**
 * Tells the record, as soon as it answers, that a claim has nobody who makes its box: until it knows, everybody else
 * waits for that box. Resolves when it was told, or when it need not be: then the claim has run out by itself.
 */
export async function tellRecord(
  context: LeaseContext,
  about: { readonly stage: string; readonly groupId: string; readonly signal: AbortSignal },
  tell: () => Promise<unknown>,
): Promise<void> {
  const { stage, groupId, signal } = about;
  const { clock, settings } = context;
  let waitedMs = 0;
  for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      await tell();
      return;
    } catch (error) {
      if (waitedMs === 0) context.trouble(stage, groupId, error);
      if (!SandboxError.isInstance(error) || waitedMs >= settings.warmingTtlMs) return;
    }
    await clock.sleep(pauseMs, signal).catch(() => {});
    waitedMs += pauseMs;
  }
}
