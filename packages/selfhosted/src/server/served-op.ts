// One thing that goes on after its reply: a command, a transfer, a terminal, a watch. What they have in common is
// that somebody reads what they put out, perhaps somebody else later, and that they end.

import type { AgentError, OpChannel, OpSignalKind } from '@boxyard/agent-proto/messages';
import type { Bytes, FileChange, OutputCursor } from '@boxyard/sandbox-core';

/** What an op puts out before its end. */
export type OpOutput =
  | {
      readonly kind: 'data';
      readonly channel: OpChannel;
      readonly bytes: Uint8Array;
      readonly offset: number;
    }
  | { readonly kind: 'change'; readonly change: FileChange }
  | { readonly kind: 'ready' }
  | { readonly kind: 'opened'; readonly version: string; readonly sizeBytes: number };

/** How an op ended, without what is counted for each of its readers. */
export interface OpEnd {
  readonly exitCode: number;
  readonly signal: string | null;
  readonly endedBy: 'itself' | 'run-limit' | 'kill' | 'unknown';
  readonly outputComplete: boolean;
  readonly durationMs: number;
  /** Why an op that is no command failed. */
  readonly error?: AgentError | undefined;
}

export interface ServedOp {
  readonly id: string;
  /** Who started it; a second start with another origin is another start. */
  readonly originId: string;
  /** Whether its output can be read again from any place, and by several readers. */
  readonly replayable: boolean;
  /** Its end, once there is one. */
  readonly end: OpEnd | null;
  /** Settles with its end and never rejects. */
  readonly ended: Promise<OpEnd>;
  /** Everything from there to the end. */
  output(from: OutputCursor, signal: AbortSignal): AsyncIterable<OpOutput>;
  /** Takes the bytes, in the order of the calls; with `end` nothing more comes. */
  input(bytes: Bytes, end: boolean): Promise<void>;
  signal(kind: OpSignalKind, graceMs: number): Promise<void>;
  /** Ends it. */
  cancel(): Promise<void>;
  /** Nothing of it is kept. @throws SandboxError `conflict` while it runs. */
  forget(): Promise<void>;
}

export const ENDED_WELL = {
  exitCode: 0,
  signal: null,
  endedBy: 'itself',
  outputComplete: true,
} as const satisfies Omit<OpEnd, 'durationMs'>;
