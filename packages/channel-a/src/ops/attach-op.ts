import { setTimeout as delay } from 'node:timers/promises';
import type { Box, BoxProcess, OpRecord } from '@boxyard/sandbox-core';
import { SandboxError, throwIfAborted } from '@boxyard/sandbox-core';

export interface AttachOpOptions {
  readonly signal?: AbortSignal | undefined;
  /**
   * For so long after its record was made a command may not be in its box yet, because another process is just
   * starting it. 0 where there is no such process.
   */
  readonly startWindowMs: number;
}

const ASK_AGAIN_MS = 200;

/** @throws SandboxError `not-found` when the box knows the command no more, `unsupported` when it never can. */
export async function attachOp(box: Box, op: OpRecord, options: AttachOpOptions): Promise<BoxProcess> {
  const { attach } = box.capabilities;
  if (!attach.available) {
    throw new SandboxError('unsupported', `Finding command ${op.id} again: ${attach.reason}. Run it anew.`);
  }
  while (true) {
    try {
      return await attach.use.attach(op.id, { signal: options.signal });
    } catch (error) {
      const young = Date.now() - op.startedAt.getTime() < options.startWindowMs;
      if (!SandboxError.hasCode(error, 'not-found') || op.state !== 'running' || !young) throw error;
    }
    await delay(ASK_AGAIN_MS);
    throwIfAborted(options.signal, `Finding command ${op.id} again`);
  }
}
