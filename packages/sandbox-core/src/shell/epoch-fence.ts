import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SandboxError } from '../sandbox-error.ts';

/** Refuses what a handle of an older epoch wants to change. The highest epoch seen is a file in the spool. */
export class EpochFence {
  readonly #file: string;
  readonly #epoch: number;

  constructor(spoolDir: string, epoch: number) {
    this.#file = join(spoolDir, 'epoch');
    this.#epoch = epoch;
  }

  /** @throws SandboxError `fenced` when a newer epoch has been seen. */
  async check(what: string): Promise<void> {
    const text = await readFile(this.#file, 'latin1').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '0';
      throw error;
    });
    if (!/^\d{1,15}\n?$/.test(text) || Number(text) <= this.#epoch) return;
    throw fenced(what, this.#epoch);
  }
}

/** The error of a handle that a newer one has replaced. */
export function fenced(what: string, epoch: number): SandboxError {
  return new SandboxError(
    'fenced',
    `${what} was refused: this handle has epoch ${epoch} and the box has been opened with a newer one. Open the box again.`,
    { started: 'no' },
  );
}
