import type { Bytes, CallOptions } from './call-options.ts';

/** Chosen by the caller; the same id never runs twice in one box. 1–64 characters of `[A-Za-z0-9_-]`. */
export type ProcessId = string;

/** What to run: an argument vector, or a script for a shell. Neither is ever rewritten. */
export type Program =
  | { readonly argv: readonly [string, ...string[]] }
  | { readonly script: string; readonly shell?: string | undefined; readonly login?: boolean | undefined };

export interface SpawnRequest {
  readonly program: Program;
  /** Relative to the workspace root, confined to it. The root when absent. */
  readonly cwd?: string | undefined;
  /** Added to the box's environment. Names of `[A-Za-z_][A-Za-z0-9_]*`; `BOXYARD_*` is reserved. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** `merged` keeps the true order of both channels as stdout; `separate` loses the order between the two. */
  readonly output?: 'separate' | 'merged' | undefined;
  readonly stdin?: 'none' | 'open' | undefined;
  /** How long the command may run. Its end is a result (`endedBy: 'run-limit'`), not an error. */
  readonly runLimitMs?: number | undefined;
  readonly id?: ProcessId | undefined;
}

export interface ExecRequest extends Omit<SpawnRequest, 'stdin'> {
  readonly stdin?: Bytes | undefined;
  /** Per channel; what is beyond is dropped and `truncated` is set. 8 MiB when absent. */
  readonly maxOutputBytes?: number | undefined;
}

export interface ExitStatus {
  readonly exitCode: number;
  /** The signal's name where it is known; a shell reports 137 both for `exit 137` and for SIGKILL. */
  readonly signal: string | null;
  readonly endedBy: 'itself' | 'run-limit' | 'kill' | 'unknown';
}

export interface ExecResult extends ExitStatus {
  readonly stdout: Bytes;
  readonly stderr: Bytes;
  readonly truncated: boolean;
  /** False when descendants still held the output open after the command had ended. */
  readonly outputComplete: boolean;
  readonly durationMs: number;
}

/** Where to go on reading: byte offsets, plain JSON, kept by the caller. */
export interface OutputCursor {
  readonly stdout: number;
  readonly stderr: number;
}

export const OUTPUT_START: OutputCursor = { stdout: 0, stderr: 0 };

export type OutputEvent =
  | {
      readonly kind: 'chunk';
      readonly channel: 'stdout' | 'stderr';
      readonly bytes: Bytes;
      readonly offset: number;
      readonly next: OutputCursor;
    }
  | { readonly kind: 'end'; readonly complete: boolean; readonly next: OutputCursor };

/** A command that runs in the box that made it. Dropping the handle does not end the command. */
export interface BoxProcess {
  readonly id: ProcessId;
  /** Any number of readers, each from its own cursor. Ends with exactly one `end` event. */
  output(options?: {
    readonly from?: OutputCursor;
    readonly signal?: AbortSignal;
    /** The bytes of a chunk are the reader's only until it asks for the next: they may be read into once more. */
    readonly lent?: boolean;
  }): AsyncIterable<OutputEvent>;
  /** Resolves once the bytes are accepted, in order; not once they are consumed. */
  write(bytes: Bytes, options?: CallOptions): Promise<void>;
  closeStdin(options?: CallOptions): Promise<void>;
  /** SIGINT to the command's process group. */
  interrupt(options?: CallOptions): Promise<void>;
  /** SIGTERM to the whole tree, `graceMs` (default 2000) later SIGKILL, until none is left. */
  kill(options?: CallOptions & { readonly graceMs?: number }): Promise<void>;
  exited(options?: CallOptions): Promise<ExitStatus>;
  /** The record of the command may go. A command that still runs is refused with `conflict`. */
  forget(options?: CallOptions): Promise<void>;
}
