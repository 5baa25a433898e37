import type { BoxProcess, ExitStatus, OutputEvent } from '../box-process.ts';
import { OUTPUT_START } from '../box-process.ts';
import type { Bytes, CallOptions } from '../call-options.ts';
import { bounded, throwIfAborted } from '../deadline/bounded.ts';
import { SandboxError } from '../sandbox-error.ts';
import { readOutput } from './op-output.ts';
import type { OpWatch } from './op-watch.ts';
import type { Spool } from './spool.ts';

const FULL_PAUSE_MS = 50;

/** What a process needs of the runner that made it. */
export interface ProcessHost {
  readonly spool: Spool;
  /** @throws SandboxError `closed` after the runner was closed. */
  ensureOpen(): void;
  /** Ends what is left of the op and answers how many survived. */
  kill(id: string, graceMs: number): Promise<number>;
  interrupt(watch: OpWatch, signal: AbortSignal): Promise<void>;
  /** Removes what is left of an op that has ended. */
  forget(watch: OpWatch): Promise<void>;
}

/** One op of a box. A handle only: the command, its output and its end live in the box. */
export class ShellProcess implements BoxProcess {
  readonly #watch: OpWatch;
  readonly #host: ProcessHost;

  constructor(watch: OpWatch, host: ProcessHost) {
    this.#watch = watch;
    this.#host = host;
  }

  get id(): string {
    return this.#watch.id;
  }

  async *output(options: NonNullable<Parameters<BoxProcess['output']>[0]> = {}): AsyncIterable<OutputEvent> {
    const { from = OUTPUT_START, signal, lent = false } = options;
    const what = `Reading the output of ${this.id}`;
    const step = async <T>(run: () => Promise<T>): Promise<T> => {
      throwIfAborted(signal, what);
      this.#host.ensureOpen();
      return bounded({ signal }, what, run);
    };
    yield* readOutput(this.#watch, this.#host.spool, { from, signal, lent }, step);
  }

  write(bytes: Bytes, options?: CallOptions): Promise<void> {
    // Copied: the caller may use its buffer again before an earlier write is done.
    const copy = bytes.slice();
    return this.#call(options, 'Writing to', (signal) =>
      this.#inTurn(async () => {
        await this.#open();
        const { chunkBytes } = this.#host.spool;
        for (let at = 0; at < copy.length; at += chunkBytes) {
          await this.#feed(copy.subarray(at, at + chunkBytes), signal);
        }
      }),
    );
  }

  closeStdin(options?: CallOptions): Promise<void> {
    return this.#call(options, 'Closing the stdin of', (signal) =>
      this.#inTurn(() => this.#feed(new Uint8Array(0), signal)),
    );
  }

  interrupt(options?: CallOptions): Promise<void> {
    return this.#call(options, 'Interrupting', (signal) => this.#host.interrupt(this.#watch, signal));
  }

  kill(options: CallOptions & { readonly graceMs?: number } = {}): Promise<void> {
    const graceMs = options.graceMs ?? 2000;
    return this.#call(options, 'Killing', async (signal) => {
      if (!(graceMs >= 0)) {
        throw new SandboxError('invalid', 'Killing a command was refused: graceMs is no duration.', {
          started: 'no',
        });
      }
      await this.#watch.refresh();
      const left = await this.#host.kill(this.id, graceMs);
      if (left > 0) {
        throw new SandboxError(
          'outcome-unknown',
          `Killing ${this.id} left ${left} of its processes alive. Try again, or end the box.`,
        );
      }
      await this.#watch.until(() => this.#watch.exitCode ?? undefined, signal);
    });
  }

  exited(options?: CallOptions): Promise<ExitStatus> {
    return this.#call(options, 'Waiting for the end of', async (signal) => {
      const watch = this.#watch;
      const exitCode = await watch.until(() => watch.exitCode ?? undefined, signal);
      // Somebody may have ended it whose mark was not there yet when this was looked for.
      if (!watch.endKnown && !watch.forgotten) await watch.refresh();
      return exitStatus(watch, exitCode);
    });
  }

  forget(options?: CallOptions): Promise<void> {
    return this.#call(options, 'Forgetting', async () => {
      if (!this.#watch.endKnown || this.#watch.forgotten) await this.#watch.refresh();
      if (this.#watch.exitCode === null) {
        throw new SandboxError(
          'conflict',
          `Forgetting ${this.id} was refused: it still runs. Kill it first, or wait for its end.`,
          { started: 'no' },
        );
      }
      await this.#host.forget(this.#watch);
    });
  }

  #call<T>(
    options: CallOptions | undefined,
    what: string,
    run: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    return bounded(options, `${what} ${this.id}`, async (signal) => {
      this.#host.ensureOpen();
      return run(signal);
    });
  }

  /** Chunks of one process go in the order of the calls, also when an earlier one failed. */
  #inTurn(run: () => Promise<void>): Promise<void> {
    const turn = this.#watch.feeding.then(run, run);
    this.#watch.feeding = turn.catch(() => undefined);
    return turn;
  }

  async #open(): Promise<void> {
    if (this.#watch.forgotten) await this.#watch.refresh();
  }

  async #feed(bytes: Bytes, signal: AbortSignal): Promise<void> {
    const ends = bytes.length === 0;
    while (true) {
      throwIfAborted(signal, `Writing to ${this.id}`);
      const outcome = await this.#host.spool.feed(this.id, this.#watch.nextChunk, bytes);
      if (outcome === 'kept' || outcome === 'taken') this.#watch.nextChunk += 1;
      if (outcome === 'kept') return;
      if (outcome === 'full') await this.#watch.pause(FULL_PAUSE_MS, signal);
      if (outcome === 'closed' || outcome === 'ended') {
        // Closing what is closed already is what was wanted.
        if (ends) return;
        throw new SandboxError(
          'conflict',
          `Writing to ${this.id} was refused: it has ended, or its stdin is closed or was never open.`,
          { started: 'no' },
        );
      }
    }
  }
}

/** A shell reports 128 + n for a signal and for `exit 128+n` alike, so only ours are named. */
export function exitStatus(watch: OpWatch, exitCode: number): ExitStatus {
  const endedBy = watch.limitReached ? 'run-limit' : watch.killed || watch.cut ? 'kill' : 'itself';
  const ours = endedBy !== 'itself';
  const signal = ours && exitCode === 143 ? 'SIGTERM' : ours && exitCode === 137 ? 'SIGKILL' : null;
  return { exitCode, signal, endedBy };
}
