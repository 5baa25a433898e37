import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SessionFence } from '../call-options.ts';
import { SandboxError } from '../sandbox-error.ts';

/**
 * Refuses what a handle of an older epoch wants to change, and what is asked for a session that works in another box
 * since. The highest epoch seen is a file in the spool; of a session the highest of a file's lines, because two that
 * append lose nothing of each other.
 */
export class EpochFence {
  readonly #dir: string;
  readonly #epoch: number;

  constructor(spoolDir: string, epoch: number) {
    this.#dir = spoolDir;
    this.#epoch = epoch;
  }

  /** @throws SandboxError `fenced` when a newer epoch has been seen, of the box or of the session. */
  async check(what: string, by?: SessionFence): Promise<void> {
    const [present = 0] = numbersIn(await textOf(join(this.#dir, 'epoch')));
    if (present > this.#epoch) throw fenced(what, this.#epoch);
    if (by === undefined) return;
    const file = join(this.#dir, sessionFile(by));
    const highest = Math.max(0, ...numbersIn(await textOf(file)));
    if (highest > by.activeEpoch) throw movedOn(what);
    if (highest < by.activeEpoch) await appendFile(file, `${by.activeEpoch}\n`, { mode: 0o600 });
  }
}

/** What the shell's scripts are told of it: the session's file in the spool and the epoch; empty for nobody's. */
export function fenceWords(by: SessionFence | undefined): string {
  return by === undefined ? '' : `${sessionFile(by)} ${by.activeEpoch}`;
}

/** No id of an op holds `@`. @throws SandboxError `invalid` for an id that could be a path. */
function sessionFile({ sessionId, activeEpoch }: SessionFence): string {
  if (/^[A-Za-z0-9_-]{1,64}$/.test(sessionId) && Number.isSafeInteger(activeEpoch) && activeEpoch >= 0)
    return `epoch@${sessionId}`;
  throw new SandboxError(
    'invalid',
    `${JSON.stringify(sessionId)} at ${activeEpoch} is no fence. Give the session's id and the epoch of its pointer.`,
    { started: 'no' },
  );
}

async function textOf(file: string): Promise<string> {
  return readFile(file, 'latin1').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
}

/** A line that is no number was not written by us. */
const numbersIn = (text: string) =>
  text
    .split('\n')
    .filter((line) => /^\d{1,15}$/.test(line))
    .map(Number);

/** The error of a handle that a newer one has replaced. */
export function fenced(what: string, epoch: number): SandboxError {
  return new SandboxError(
    'fenced',
    `${what} was refused: this handle has epoch ${epoch} and the box has been opened with a newer one. Open the box again.`,
    { started: 'no' },
  );
}

/** The error of a change for a session that was sent to another box since. */
export function movedOn(what: string): SandboxError {
  return new SandboxError(
    'fenced',
    `${what} was refused: its session works in another box since. Open the active box again.`,
    { started: 'no' },
  );
}
