// One file of a box, brought out through the archive API. That reads as root, so what the box's user could not read is
// refused: whoever exchanges a folder just then gains nothing that could not be had without it. The engine lets
// nobody else at the container while it sends, so all of it is taken at once, however slow its reader is.
import { createHash } from 'node:crypto';
import { type Bytes, SandboxError, throwIfAborted } from '@boxyard/sandbox-core';
import { BOX_UID } from '../container-request.ts';
import type { Engine } from '../engine.ts';
import { openArchived, statArchived } from '../engine-archive.ts';
import { HeldOutput } from './held-output.ts';

/** What the box's shell found under a path, and where that really is. */
export interface BarePlace {
  /** `f`, `d`, `l`, another kind `o`, or `n` for a free name. */
  readonly kind: string;
  /** By the box's user. */
  readonly readable: boolean;
  /** A real path in the box. */
  readonly path: string;
  /** The shell cannot read this link, and wants to be told where it leads. */
  readonly asks: boolean;
}

const BLOCK_BYTES = 1024 * 1024;

/** Null for what is no such answer. */
export function parsePlace(text: string): BarePlace | null {
  const [, kind, readable, path] = /^([fdlona]) ([01]) (\/.*)$/s.exec(text) ?? [];
  if (kind === undefined || path === undefined) return null;
  return { kind, readable: readable === '1', path, asks: kind === 'a' };
}

/** Null for what is no link. */
export async function linkTarget(engine: Engine, container: string, path: string): Promise<string | null> {
  const file = await openArchived(engine, container, path);
  file?.close();
  return file?.header.type === 'symlink' ? (file.header.linkname ?? null) : null;
}

/** Content of one moment. To be closed by whoever has it, unless its stream is read to its end or cancelled. */
export class BareFile {
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
  readonly sha256: string;
  readonly #content: HeldOutput;

  private constructor(content: HeldOutput, mtimeNs: bigint, sha256: string) {
    this.#content = content;
    this.sizeBytes = content.sizeBytes;
    this.mtimeNs = mtimeNs;
    this.sha256 = sha256;
  }

  /** Null when it is not there, or was exchanged just now. @throws SandboxError `denied`. */
  static async take(
    engine: Engine,
    container: string,
    path: string,
    what: string,
    signal: AbortSignal,
  ): Promise<BareFile | null> {
    const before = await statArchived(engine, container, path);
    if (before === null || before.kind !== 'file') return null;
    throwIfAborted(signal, what);
    const file = await openArchived(engine, container, path);
    if (file === null) return null;
    const stop = () => file.close();
    signal.addEventListener('abort', stop, { once: true });
    const content = new HeldOutput();
    let taken: BareFile | null = null;
    try {
      throwIfAborted(signal, what);
      const { header } = file;
      if (header.type !== 'file' || header.size !== before.sizeBytes) return null;
      if (!isReadable(header.mode ?? 0, header.uid, header.gid)) throw forbidden(what);
      const hash = createHash('sha256');
      for await (const bytes of file.content) {
        hash.update(bytes);
        await content.append(bytes);
      }
      throwIfAborted(signal, what);
      if (content.sizeBytes !== before.sizeBytes) return null;
      const after = await statArchived(engine, container, path);
      if (after?.mtimeNs !== before.mtimeNs || after.sizeBytes !== before.sizeBytes) return null;
      taken = new BareFile(content, before.mtimeNs, hash.digest('hex'));
      return taken;
    } catch (cause) {
      throwIfAborted(signal, what);
      if (SandboxError.isInstance(cause)) throw cause;
      throw new SandboxError('unreachable', `${what} failed: the engine broke off. Try again.`, { cause });
    } finally {
      signal.removeEventListener('abort', stop);
      file.close();
      // Also that of a file which changed meanwhile and is taken anew.
      if (taken === null) content.release();
    }
  }

  bytes(offset: number, length: number): Promise<Bytes> {
    return this.#content.read(offset, length);
  }

  /** At its reader's pace. */
  stream(offset: number, length: number, signal: AbortSignal | undefined): ReadableStream<Bytes> {
    let at = offset;
    const end = Math.min(this.sizeBytes, offset + length);
    return new ReadableStream<Bytes>(
      {
        pull: async (controller) => {
          try {
            throwIfAborted(signal, 'Reading on');
            if (at < end) {
              const part = await this.#content.read(at, Math.min(BLOCK_BYTES, end - at));
              at += part.length;
              controller.enqueue(part);
              return;
            }
            this.close();
            controller.close();
          } catch (error) {
            this.close();
            throw error;
          }
        },
        cancel: () => this.close(),
      },
      { highWaterMark: 0 },
    );
  }

  close(): void {
    this.#content.release();
  }
}

function isReadable(mode: number, uid: number | undefined, gid: number | undefined): boolean {
  const bit = uid === BOX_UID ? 0o400 : gid === BOX_UID ? 0o040 : 0o004;
  return (mode & bit) !== 0;
}

function forbidden(what: string): SandboxError {
  return new SandboxError(
    'denied',
    `${what} failed: the box does not permit it. Look at the modes of the path.`,
    {
      started: 'no',
    },
  );
}
