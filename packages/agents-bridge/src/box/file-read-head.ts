import type { Bytes } from '@boxyard/sandbox-core';

/** What a read says before the bytes: of the whole file, and how many bytes follow. */
export interface ReadHead {
  readonly sizeBytes: number;
  readonly followingBytes: number;
  /** Null when it was not asked for. */
  readonly version: string | null;
  /** Where in the output the bytes begin. */
  readonly length: number;
}

/** Longer than any head. */
export const HEAD_BYTES = 256;

/** Null while the line is not whole, and for what is no head. */
export function parseReadHead(output: Bytes): ReadHead | null {
  const end = output.subarray(0, HEAD_BYTES).indexOf(10);
  if (end === -1) return null;
  const line = new TextDecoder().decode(output.subarray(0, end));
  const [, size, following, version] = /^(\d{1,15}) (\d{1,15}) (\S.*)$/.exec(line) ?? [];
  if (size === undefined || version === undefined) return null;
  return {
    sizeBytes: Number(size),
    followingBytes: Number(following),
    version: version === '-' ? null : versionOf(version),
    length: end + 1,
  };
}

/** A digest as it is; `st size seconds.nanoseconds inode` in the form that all boxes have. */
export function versionOf(text: string): string {
  const [, size, seconds, fraction = '', inode] =
    /^(?:st )?(\d{1,15}) (-?\d{1,12})(?:\.(\d{1,9}))? (\d{1,20})$/.exec(text) ?? [];
  if (size === undefined || seconds === undefined) return text;
  const nanoseconds = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
  return `st-${nanoseconds}-${size}-${inode}`;
}

/** In the form in which the script compares it. */
export function scriptVersionOf(version: string): string {
  const [, nanoseconds, size, inode] = /^st-(-?\d+)-(\d+)-(\d+)$/.exec(version) ?? [];
  if (nanoseconds === undefined) return version;
  const all = BigInt(nanoseconds);
  return `st ${size} ${all / 1_000_000_000n}.${String(all % 1_000_000_000n).padStart(9, '0')} ${inode}`;
}
