import type { Readable } from 'node:stream';
import { BoxyardError, type BoxyardSession, type Command } from '@boxyard/client';
import { quote } from '@boxyard/sandbox-core';

export interface RunCommandRequest {
  readonly command: readonly string[];
  readonly cwd?: string;
  readonly timeoutMs?: number;
  /** Forwarded to the command until it ends; absent = an empty stdin. */
  readonly stdin?: Readable;
  readonly onStdout: (bytes: Uint8Array) => void;
  readonly onStderr: (bytes: Uint8Array) => void;
}

/** The exit code of a command whose end nobody can know any more; as `ssh` does it for a lost connection. */
const EXIT_LOST = 255;

/** Runs a command in a session's box and streams what it prints; answers its exit code. */
export async function runCommand(session: BoxyardSession, request: RunCommandRequest): Promise<number> {
  const command = await session.start(quote(request.command), {
    ...(request.cwd === undefined ? {} : { cwd: request.cwd }),
    ...(request.timeoutMs === undefined ? {} : { timeoutMs: request.timeoutMs }),
  });
  const ended = new AbortController();
  // Kept as a value: nobody looks at it before the command has ended.
  const forwarding = forwardStdin(command, request.stdin, ended.signal).then(
    () => undefined,
    (error: unknown) => error,
  );
  let exitCode: number;
  try {
    for await (const { stream, bytes } of command.output()) {
      (stream === 'stdout' ? request.onStdout : request.onStderr)(bytes);
    }
    exitCode = (await command.wait()).exitCode;
  } catch (error) {
    if (!BoxyardError.hasCode(error, 'outcome-unknown')) throw error;
    process.stderr.write(`boxyard: ${error.message}\n`);
    exitCode = EXIT_LOST;
  } finally {
    ended.abort();
    // Who types at a terminal would have to press a key once more.
    request.stdin?.destroy();
  }
  const failure = await forwarding;
  if (failure !== undefined) throw failure;
  return exitCode;
}

async function forwardStdin(
  command: Command,
  stdin: Readable | undefined,
  ended: AbortSignal,
): Promise<void> {
  try {
    for await (const chunk of stdin ?? []) {
      if (ended.aborted) return;
      await command.writeStdin(chunk, { signal: ended });
    }
    await command.closeStdin({ signal: ended });
  } catch (error) {
    // The command may end before it has read everything; its exit code tells the rest.
    if (!ended.aborted && !BoxyardError.isInstance(error)) throw error;
  }
}
