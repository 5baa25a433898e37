// A command that a tool has started. Between two looks nobody reads it: its output waits in the spool of its box.
import {
  type BoxProcess,
  type CallOptions,
  type ExitStatus,
  OUTPUT_START,
  type OutputCursor,
  SandboxError,
} from '@boxyard/sandbox-core';
import { OutputTail } from './output-tail.ts';

/** What a command did since it was last looked at. */
export interface Progress {
  /** Both channels, as far as their order is known. */
  readonly text: string;
  readonly stdout: string;
  readonly stderr: string;
  /** Null while it runs. */
  readonly ended: ExitStatus | null;
  /** Why there is no more; the command may still run when it is retryable. */
  readonly trouble: SandboxError | null;
}

export interface Look {
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
  /** Told each piece of the output as soon as it is there. */
  readonly onOutput?: OutputListener | undefined;
}

export type OutputListener = (piece: string) => void;

export interface LiveCommand {
  /** Waits for the end, at most `waitMs`; what was printed before counts in either case. */
  progress(waitMs: number, look: Look): Promise<Progress>;
  write(text: string, options: CallOptions): Promise<void>;
  interrupt(options: CallOptions): Promise<void>;
  /** Ends it and everything that it started. */
  kill(options: CallOptions & { readonly graceMs: number }): Promise<void>;
  /** Whether its record stays after its end, until somebody says that it may go. */
  readonly isKept: boolean;
  /** Nobody will look again. Never fails. */
  forget(): Promise<void>;
}

/** The SDK's own local session keeps as much of what nobody asked for in time. */
export const KEPT_CHARACTERS = 1024 * 1024;
/** A poll without patience still gives what is there already. */
const SHORTEST_LOOK_MS = 50;

/** A command with pipes. */
export class PipeCommand implements LiveCommand {
  readonly #process: BoxProcess;
  readonly #decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  readonly isKept: boolean;
  #cursor: OutputCursor = OUTPUT_START;

  constructor(process: BoxProcess, record: 'kept' | 'forgotten') {
    this.#process = process;
    this.isKept = record === 'kept';
  }

  async progress(waitMs: number, { signal, onOutput }: Look): Promise<Progress> {
    const text = new OutputTail(KEPT_CHARACTERS);
    const apart = { stdout: new OutputTail(KEPT_CHARACTERS), stderr: new OutputTail(KEPT_CHARACTERS) };
    const add = (channel: 'stdout' | 'stderr', piece: string) => {
      if (piece !== '') onOutput?.(piece);
      text.push(piece);
      apart[channel].push(piece);
    };
    let ended: ExitStatus | null = null;
    let trouble: SandboxError | null = null;
    const look = new AbortController();
    const stop = () => look.abort();
    const timer = setTimeout(stop, Math.max(waitMs, SHORTEST_LOOK_MS));
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
    try {
      for await (const event of this.#process.output({ from: this.#cursor, signal: look.signal })) {
        this.#cursor = event.next;
        if (event.kind === 'chunk') {
          add(event.channel, this.#decoders[event.channel].decode(event.bytes, { stream: true }));
          continue;
        }
        for (const channel of ['stdout', 'stderr'] as const) add(channel, this.#decoders[channel].decode());
        ended = await this.#process.exited();
      }
    } catch (error) {
      if (!SandboxError.isInstance(error)) throw error;
      if (!look.signal.aborted) trouble = error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    }
    return { text: text.take(), stdout: apart.stdout.take(), stderr: apart.stderr.take(), ended, trouble };
  }

  write(text: string, options: CallOptions): Promise<void> {
    return this.#process.write(new TextEncoder().encode(text), options);
  }

  interrupt(options: CallOptions): Promise<void> {
    return this.#process.interrupt(options);
  }

  kill(options: CallOptions & { readonly graceMs: number }): Promise<void> {
    return this.#process.kill(options);
  }

  forget(): Promise<void> {
    // One that still runs keeps its record, and with it the way to find it again.
    return this.#process.forget().catch(() => undefined);
  }
}
