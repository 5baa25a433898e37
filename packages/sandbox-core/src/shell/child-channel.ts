// A channel to a process of this machine: the box's shell itself, or a client program that reaches one.
import { spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { SandboxError } from '../sandbox-error.ts';
import type { ShellChannel } from './shell-channel.ts';

export interface ChildChannelOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string | undefined;
}

/**
 * Its process is a session of its own, so that no signal to ours reaches it, and it does not keep ours alive.
 *
 * @throws SandboxError `unreachable` when it cannot be started.
 */
export async function openChildChannel(
  argv: readonly [string, ...string[]],
  options: ChildChannelOptions,
): Promise<ShellChannel> {
  const child = spawn(argv[0], argv.slice(1), {
    cwd: options.cwd,
    env: { ...options.env },
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(`its process ended with ${signal ?? code}`));
    child.once('error', (error) => resolve(`its process failed: ${error.message}`));
  });
  // Not the child's own `close`: what it started may hold stderr open for as long as it runs.
  const drained = new Promise<void>((resolve) => void child.stdout.once('close', resolve));
  const closed = Promise.all([exited, drained]).then(([why]) => why);
  // A write to a process that has just ended; what it means is told by `closed`.
  child.stdin.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) =>
      reject(
        new SandboxError('unreachable', `Starting ${argv[0]} failed: ${cause.message}. Is it there?`, {
          cause,
          started: 'no',
        }),
      ),
    );
  });
  child.unref();
  for (const stream of [child.stdin, child.stdout, child.stderr])
    if (stream instanceof Socket) stream.unref();
  return {
    write: (bytes) => void child.stdin.write(bytes),
    onStdout: (listener) => void child.stdout.on('data', listener),
    onStderr: (listener) => void child.stderr.on('data', listener),
    closed,
    end: () => void child.stdin.end(),
    destroy: () => {
      child.stdin.destroy();
      child.stdout.destroy();
      child.stderr.destroy();
      child.kill('SIGKILL');
    },
  };
}
