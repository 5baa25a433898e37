import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface SnippetRun {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Both streams in the order in which they came. */
  readonly output: string;
}

/**
 * Runs a snippet as a script in a package's folder, where `@boxyard/...` leads to the same places as in the
 * package's own code. The whole process group ends with it, also when the snippet hangs until `stop` fires.
 */
export async function runSnippet(
  directory: string,
  snippet: string,
  stop: AbortSignal,
  env: Readonly<Record<string, string>> = {},
): Promise<SnippetRun> {
  // Ignored by git, lint and tests by its name.
  const file = join(directory, `.readme-snippet-${randomUUID()}.ts`);
  writeFileSync(file, snippet);
  try {
    const child = spawn(process.execPath, ['--conditions=@boxyard/source', file], {
      cwd: directory,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // Its own group: what the snippet starts and forgets can be ended with it.
      detached: true,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    const kill = () => {
      output += '\nThe snippet did not end in time and was killed.';
      endGroup(child.pid);
    };
    stop.addEventListener('abort', kill, { once: true });
    try {
      // Not 'close': a forgotten grandchild would hold the pipes open for ever.
      const [exitCode, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
      endGroup(child.pid);
      await drained(child.stdout, child.stderr);
      return { exitCode, signal, output };
    } finally {
      stop.removeEventListener('abort', kill);
    }
  } finally {
    rmSync(file, { force: true });
  }
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    // Nobody of the group is left, which is how a good snippet ends.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Waits for what was written before the end; a process that left the group keeps its pipe, so only for a while. */
async function drained(...streams: readonly NodeJS.ReadableStream[]): Promise<void> {
  const ended = Promise.all(
    streams.map((stream) =>
      (stream as { readableEnded?: boolean }).readableEnded ? null : once(stream, 'end'),
    ),
  );
  const { promise: longEnough, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, 2_000);
  await Promise.race([ended, longEnough]);
  clearTimeout(timer);
}
