// A tar as both GNU's tar and busybox's read it: long names in GNU's form, which busybox knows, and exact times in an
// extended header, which it skips. No library writes that mixture.
import type { ArchiveMember, Bytes } from '@boxyard/sandbox-core';

export const BLOCK = 512;
const NAME_BYTES = 100;
const OWNER = 1000;
const SET_ID = 0o6000;

/** One member of a tar, without its content. */
export interface TarHeader {
  readonly path: string;
  readonly type: '0' | '1' | '2' | '5' | 'L' | 'K' | 'x';
  readonly mode: number;
  readonly mtimeNs: bigint;
  readonly sizeBytes?: number;
  readonly target?: string;
  /** User and group; the box's own when absent. */
  readonly owner?: number;
}

export interface TarWriterOptions {
  /** Takes the bytes; resolves when more may come. */
  readonly write: (bytes: Bytes) => Promise<void>;
  /** Keeps set-id bits; else they go. */
  readonly keepSetId: boolean;
}

/** Writes members that were judged. Folders come twice: open for what they hold, at the end as they should be. */
export class TarWriter {
  readonly #options: TarWriterOptions;
  readonly #folders: TarHeader[] = [];

  constructor(options: TarWriterOptions) {
    this.#options = options;
  }

  async add(member: ArchiveMember): Promise<void> {
    const { path, mtimeNs, kind } = member;
    const mode = this.#options.keepSetId ? member.mode : member.mode & ~SET_ID;
    switch (kind) {
      case 'dir':
        this.#folders.push({ path: `${path}/`, type: '5', mode, mtimeNs });
        return this.#header({ path: `${path}/`, type: '5', mode: mode | 0o700, mtimeNs });
      case 'symlink':
        return this.#header({ path, type: '2', mode: 0o777, mtimeNs, target: member.target });
      case 'hardlink':
        return this.#header({ path, type: '1', mode, mtimeNs, target: member.target });
      case 'file': {
        const { sizeBytes } = member;
        await this.#header({ path, type: '0', mode, mtimeNs, sizeBytes });
        for await (const chunk of member.content) await this.#options.write(chunk);
        const rest = sizeBytes % BLOCK;
        if (rest > 0) await this.#options.write(new Uint8Array(BLOCK - rest));
      }
    }
  }

  async finish(): Promise<void> {
    // The deepest first: afterwards a folder may not let anybody in any more.
    for (const folder of this.#folders.reverse()) await this.#header(folder);
    await this.#options.write(new Uint8Array(2 * BLOCK));
  }

  async #header(entry: TarHeader): Promise<void> {
    const blocks: Buffer[] = [];
    if (entry.mtimeNs % 1_000_000_000n !== 0n) blocks.push(...longEntry('x', timeRecord(entry.mtimeNs)));
    const { path, target = '' } = entry;
    if (Buffer.byteLength(target) > NAME_BYTES) blocks.push(...longEntry('K', Buffer.from(`${target}\0`)));
    if (Buffer.byteLength(path) > NAME_BYTES) blocks.push(...longEntry('L', Buffer.from(`${path}\0`)));
    blocks.push(headerBlock(entry));
    await this.#options.write(new Uint8Array(Buffer.concat(blocks)));
  }
}

/** A member that says more of the one after it. */
function longEntry(type: 'L' | 'K' | 'x', content: Buffer): Buffer[] {
  const path = type === 'x' ? '././@PaxHeader' : '././@LongLink';
  const padding = Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK);
  return [headerBlock({ path, type, mode: 0o644, mtimeNs: 0n, sizeBytes: content.length }), content, padding];
}

/** `<length> mtime=<seconds>.<nanoseconds>\n`, where the length counts itself. */
function timeRecord(mtimeNs: bigint): Buffer {
  const size = mtimeNs < 0n ? -mtimeNs : mtimeNs;
  const fraction = String(size % 1_000_000_000n).padStart(9, '0');
  const text = ` mtime=${mtimeNs < 0n ? '-' : ''}${size / 1_000_000_000n}.${fraction}\n`;
  let length = text.length + 2;
  if (String(length).length + text.length !== length) length = text.length + String(length).length;
  return Buffer.from(`${length}${text}`);
}

/** For a path of at most 100 bytes. */
export function headerBlock(header: TarHeader): Buffer {
  const { path, type, mode, mtimeNs, sizeBytes = 0, target = '', owner = OWNER } = header;
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number | bigint, at: number, digits: number) =>
    block.write(value.toString(8).padStart(digits, '0'), at, 'latin1');
  Buffer.from(path).copy(block, 0, 0, NAME_BYTES);
  octal(mode, 100, 7);
  octal(owner, 108, 7);
  octal(owner, 116, 7);
  if (sizeBytes < 8 ** 11) octal(sizeBytes, 124, 11);
  else {
    block[124] = 0x80;
    block.writeBigUInt64BE(BigInt(sizeBytes), 128);
  }
  const seconds = mtimeNs / 1_000_000_000n;
  octal(seconds < 0n || seconds >= 8n ** 11n ? 0n : seconds, 136, 11);
  block.write(type, 156, 'latin1');
  Buffer.from(target).copy(block, 157, 0, NAME_BYTES);
  block.write('ustar  \0', 257, 'latin1');
  // Counted as if its own field were spaces.
  block.fill(' ', 148, 156);
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  );
  block[154] = 0;
  return block;
}
