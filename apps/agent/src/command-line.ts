// The process of `boxyard-agent` from its arguments to its exit code.
import { SandboxError } from '@boxyard/sandbox-core';
import { CommanderError } from 'commander';
import { PlainError } from './plain-error.ts';
import { createProgram } from './program.ts';
import { ServerAway } from './server-client.ts';

const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    // Whoever asks twice does not want to wait.
    if (stop.signal.aborted) process.exit(1);
    stop.abort();
  });
}

// A wait for something that holds no handle must not end the process with half of its work done.
setInterval(() => {}, 60_000);

try {
  await createProgram(process.env, stop.signal).parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode;
  else if (!isOurStop(error)) {
    const plain =
      error instanceof PlainError || error instanceof ServerAway || SandboxError.isInstance(error);
    process.stderr.write(`boxyard-agent: ${plain ? error.message : ((error as Error).stack ?? error)}\n`);
    process.exitCode = error instanceof PlainError ? error.exitCode : 1;
  }
}
// Nothing is left to be done; a socket that hangs must not keep the process.
process.exit();

function isOurStop(error: unknown): boolean {
  return stop.signal.aborted && error instanceof Error && error.name === 'AbortError';
}
