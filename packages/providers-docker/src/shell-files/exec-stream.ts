// Large content goes through a command of its own, as a stream, so that it holds up no other request.
import type { Bytes } from '@boxyard/sandbox-core';

/** A command with its three ends, as a transport offers it beside its channels. */
export interface BoxStream {
  /** Its output, at the reader's own pace; ends when the command has ended. */
  readonly stdout: AsyncIterable<Bytes>;
  /** Lines of its stderr, as they come; ends with the command. */
  readonly lines: AsyncIterable<string>;
  /** Resolves when more may be written. */
  write(bytes: Bytes): Promise<void>;
  end(): void;
  /** The exit code; null when it is not known. */
  exited(): Promise<number | null>;
  destroy(): void;
}

export type OpenBoxStream = (argv: readonly [string, ...string[]], signal: AbortSignal) => Promise<BoxStream>;
