import type { BoxProcess, OpResult } from '@boxyard/sandbox-core';
import { bounded, SandboxError } from '@boxyard/sandbox-core';
import { LONGEST_RUN_MS } from './op-end.ts';
import type { OutputCollector } from './output-collector.ts';

/** Collects what a command prints, from its beginning. Null when it still runs after `waitMs`. */
export async function watchToEnd(
  process: BoxProcess,
  output: OutputCollector,
  options: { readonly signal?: AbortSignal | undefined; readonly waitMs: number },
): Promise<Pick<OpResult, 'exitCode' | 'timedOut'> | null> {
  const { signal, waitMs } = options;
  try {
    return await bounded({ signal, deadlineMs: waitMs }, 'Waiting for the command', async (inner) => {
      for await (const event of process.output({ signal: inner })) {
        if (event.kind === 'chunk') output.push(event.channel, event.bytes);
        if (output.full) break;
      }
      const status = await process.exited({ signal: inner, deadlineMs: LONGEST_RUN_MS });
      return { exitCode: status.exitCode, timedOut: status.endedBy === 'run-limit' };
    });
  } catch (error) {
    if (SandboxError.hasCode(error, 'timeout') && !signal?.aborted) return null;
    throw error;
  }
}
