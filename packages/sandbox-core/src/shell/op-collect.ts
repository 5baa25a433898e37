// The end of a command that somebody waits for, with what it printed.
import type { ExecResult } from '../box-process.ts';
import type { Bytes } from '../call-options.ts';
import { SandboxError } from '../sandbox-error.ts';
import type { CheckedCommand } from './command-request.ts';
import { cutOutput, DRAIN_MS } from './op-output.ts';
import type { OpWatch } from './op-watch.ts';
import { exitStatus } from './shell-process.ts';
import type { Spool, SpoolChannel } from './spool.ts';

const DEFAULT_MAX_OUTPUT_BYTES = 8 * 1024 * 1024;

/** @throws SandboxError `invalid` for what is no number of bytes. */
export function checkMaxOutput(bytes: number | undefined): number {
  const most = bytes ?? DEFAULT_MAX_OUTPUT_BYTES;
  if (Number.isSafeInteger(most) && most >= 0) return most;
  throw new SandboxError('invalid', 'Running a command was refused: maxOutputBytes is no number of bytes.', {
    started: 'no',
  });
}

/** Waits for the exit, and for the output only as long as it takes to drain: an orphan may hold it for ever. */
export async function collectOutput(
  watch: OpWatch,
  spool: Spool,
  command: CheckedCommand,
  mostBytes: number,
  signal: AbortSignal,
): Promise<Omit<ExecResult, 'durationMs'>> {
  const exitCode = await watch.until(() => watch.exitCode ?? undefined, signal);
  const drainedAt = watch.exitSeenAt + DRAIN_MS;
  while (!watch.closed && performance.now() < drainedAt) {
    const woken = await watch.pause(Math.max(1, drainedAt - performance.now()), signal);
    if (!woken) await watch.refresh();
  }
  if (watch.cut) throw cutOutput(watch.id);
  const { stdout, stderr } = await readWhole(watch.id, spool, command, mostBytes);
  return {
    ...exitStatus(watch, exitCode),
    stdout: stdout.bytes,
    stderr: stderr.bytes,
    truncated: stdout.truncated || stderr.truncated,
    outputComplete: watch.closed,
  };
}

interface WholeOutput {
  readonly bytes: Bytes;
  readonly truncated: boolean;
}

async function readWhole(
  id: string,
  spool: Spool,
  { merged }: CheckedCommand,
  mostBytes: number,
): Promise<Readonly<Record<SpoolChannel, WholeOutput>>> {
  const parts = { stdout: [] as Bytes[], stderr: [] as Bytes[] };
  const from = { stdout: 0, stderr: 0 };
  // One byte more than is wanted tells whether there is more.
  const left = { stdout: mostBytes + 1, stderr: merged ? 0 : mostBytes + 1 };
  while (left.stdout > 0 || left.stderr > 0) {
    const most = {
      stdout: Math.min(left.stdout, spool.blockBytes),
      stderr: Math.min(left.stderr, spool.blockBytes),
    };
    const read = await spool.read(id, { from, most });
    for (const channel of ['stdout', 'stderr'] as const) {
      const bytes = read[channel];
      if (bytes.length > 0) parts[channel].push(bytes);
      from[channel] += bytes.length;
      left[channel] = bytes.length < most[channel] ? 0 : left[channel] - bytes.length;
    }
  }
  return { stdout: whole(parts.stdout, mostBytes), stderr: whole(parts.stderr, mostBytes) };
}

function whole(parts: readonly Bytes[], mostBytes: number): WholeOutput {
  const bytes = parts.length === 1 ? parts[0]! : new Uint8Array(Buffer.concat(parts));
  return bytes.length > mostBytes
    ? { bytes: bytes.slice(0, mostBytes), truncated: true }
    : { bytes, truncated: false };
}
