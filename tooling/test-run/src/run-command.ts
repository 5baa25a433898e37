import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly deadlineMs: number;
}

/** After the polite signal; vitest needs a moment to end its workers. */
const KILL_GRACE_MS = 10_000;

/** Runs a command with our own output and without stdin, and answers with its exit code (1 where there is none). */
export async function runCommand({ command, args, cwd, env, deadlineMs }: Command): Promise<number> {
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'inherit', 'inherit'] });
  let kill: NodeJS.Timeout | undefined;
  const deadline = setTimeout(() => {
    console.error(`${command} is stopped: it did not end within ${deadlineMs} ms.`);
    child.kill('SIGTERM');
    kill = setTimeout(() => child.kill('SIGKILL'), KILL_GRACE_MS);
  }, deadlineMs);
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    return code ?? 1;
  } catch (error) {
    console.error(
      `${command} could not be started: ${error instanceof Error ? error.message : String(error)}`,
    );
    return 1;
  } finally {
    clearTimeout(deadline);
    clearTimeout(kill);
  }
}
