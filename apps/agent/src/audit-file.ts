// What was asked of this machine, kept on it for its owner: one JSON object a line, readable by nobody else.
import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import type { AuditEntry } from '@boxyard/selfhosted/server';

const MAX_BYTES = 10 * 1024 * 1024;

/** Keeps two files of at most 10 MiB each, the older one as `<file>.1`. */
export class AuditFile {
  readonly #file: string;
  #fd: number;
  #bytes: number;

  constructor(file: string) {
    this.#file = file;
    this.#fd = openSync(file, 'a', 0o600);
    this.#bytes = fstatSync(this.#fd).size;
  }

  /** Written before the answer goes out: what is not in the log did not happen. */
  write(entry: AuditEntry): void {
    const line = `${JSON.stringify(entry)}\n`;
    if (this.#bytes + line.length > MAX_BYTES) this.#turnOver();
    this.#bytes += writeSync(this.#fd, line);
  }

  close(): void {
    closeSync(this.#fd);
  }

  #turnOver(): void {
    closeSync(this.#fd);
    renameSync(this.#file, `${this.#file}.1`);
    this.#fd = openSync(this.#file, 'a', 0o600);
    this.#bytes = 0;
  }
}
