// What the box says about a file, read strictly: it is testimony of the box.
import type { FileKind } from '@boxyard/sandbox-core';

export interface FileFacts {
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
  readonly inode: string;
}

/** `size seconds[.nanoseconds] inode`; null for anything else. */
export function parseFacts(text: string): FileFacts | null {
  const [, size, seconds, fraction, inode] =
    /^(\d{1,15}) (-?\d{1,12})(?:\.(\d{1,10}))? (\d{1,20})$/.exec(text) ?? [];
  if (size === undefined || seconds === undefined || inode === undefined) return null;
  return { sizeBytes: Number(size), mtimeNs: nanoseconds(seconds, fraction), inode };
}

/** What `stat` and `find` print after the point is a part of a second, also before 1970. */
export function nanoseconds(seconds: string, fraction = ''): bigint {
  return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
}

export const statVersion = ({ sizeBytes, mtimeNs, inode }: FileFacts): string =>
  `st-${mtimeNs}-${sizeBytes}-${inode}`;

export const dateOf = (mtimeNs: bigint): Date => new Date(Number(mtimeNs / 1_000_000n));

/** Of a raw mode as `stat` prints it in hexadecimal. */
export function kindOfMode(mode: number): FileKind {
  switch (mode & 0o170000) {
    case 0o100000:
      return 'file';
    case 0o040000:
      return 'dir';
    case 0o120000:
      return 'symlink';
    default:
      return 'other';
  }
}
