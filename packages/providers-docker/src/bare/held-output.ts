// What commands of a bare box printed, kept on our side: such an image has nothing that could keep it in the box.
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bytes } from '@boxyard/sandbox-core';

/** More than this goes into a file without a name, so that memory stays flat and a crash leaves nothing. */
const MEMORY_BYTES = 256 * 1024;

export class HeldOutput {
  #parts: Uint8Array[] = [];
  #file: Promise<FileHandle> | null = null;
  #storing: Promise<void> = Promise.resolve();
  #stored = 0;
  #released = false;
  sizeBytes = 0;

  /** In order; resolves when more may come. */
  append(bytes: Uint8Array): Promise<void> {
    this.sizeBytes += bytes.length;
    // Nobody would close what was opened for it now.
    if (this.#released) return Promise.resolve();
    if (this.#file === null && this.sizeBytes <= MEMORY_BYTES) {
      this.#parts.push(new Uint8Array(bytes));
      return Promise.resolve();
    }
    const parts = [...this.#parts, new Uint8Array(bytes)];
    this.#parts = [];
    this.#file ??= nameless();
    const file = this.#file;
    this.#storing = this.#storing.then(async () => {
      if (this.#released) return;
      const handle = await file;
      for (const part of parts) {
        await handle.write(part, 0, part.length, this.#stored);
        this.#stored += part.length;
      }
    });
    return this.#storing;
  }

  async read(offset: number, length: number): Promise<Bytes> {
    // All that was there when this was asked.
    const size = this.sizeBytes;
    const wanted = Math.max(0, Math.min(length, size - offset));
    if (wanted === 0 || this.#released) return new Uint8Array(0);
    if (this.#file === null) {
      return new Uint8Array(Buffer.concat(this.#parts).subarray(offset, offset + wanted));
    }
    await this.#storing;
    const handle = await this.#file;
    const buffer = new Uint8Array(wanted);
    const { bytesRead } = await handle.read(buffer, 0, wanted, offset);
    return bytesRead === wanted ? buffer : buffer.slice(0, bytesRead);
  }

  /** Nothing of it can be read afterwards. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#parts = [];
    const file = this.#file;
    if (file === null) return;
    const closing = async () => {
      await this.#storing.catch(() => undefined);
      await (await file).close();
    };
    closing().catch(() => undefined);
  }
}

async function nameless(): Promise<FileHandle> {
  const folder = await mkdtemp(join(tmpdir(), 'boxyard-output-'));
  try {
    return await open(join(folder, 'output'), 'wx+', 0o600);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
