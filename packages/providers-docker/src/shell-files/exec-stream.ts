// Large content goes through a command of its own, as a stream, so that it holds up no other request.
import { setTimeout as delay } from 'node:timers/promises';
import { type Bytes, SandboxError } from '@boxyard/sandbox-core';

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

/** An engine may need a moment to notice that a command has ended whose output it has handed on already. */
const EXIT_WAIT_MS = 5000;
const EXIT_LOOK_MS = 50;

/** Of a command that should have ended by now; null when nobody can say. */
export async function exitCodeOf(stream: BoxStream): Promise<number | null> {
  for (const end = performance.now() + EXIT_WAIT_MS; ; await delay(EXIT_LOOK_MS)) {
    const code = await stream.exited().catch(() => undefined);
    if (code === undefined) return null;
    if (code !== null || performance.now() > end) return code;
  }
}

/** Why a command did not take all that was meant for it: it failed, as on a full disk, or is out of reach. */
export async function notTaken(stream: BoxStream, what: string, cause?: unknown): Promise<SandboxError> {
  const code = await exitCodeOf(stream);
  // Ended by a signal: with its box, or by somebody in it.
  return code === null || code === 0 || code > 128
    ? new SandboxError('unreachable', `${what} failed: the box broke off. Nothing was replaced; try again.`, {
        cause,
      })
    : new SandboxError(
        'quota',
        `${what} failed: the box took only a part. Is its disk full? Nothing was replaced; free some space.`,
        { started: 'no', cause },
      );
}
