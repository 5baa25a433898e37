// Lists of folders as `find` prints them, in either of the two forms that LIST_SCRIPT knows.
import type { FileKind } from '@boxyard/sandbox-core';
import { kindOfMode, nanoseconds } from './file-facts.ts';

/** One name below the listed folder. */
export interface ListedName {
  /** Relative to the listed folder. */
  readonly path: string;
  /** False for a name that no text leads back to. */
  readonly isText: boolean;
  readonly kind: FileKind;
  readonly mode: number;
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly inode: string;
  readonly target: string | null;
}

const KINDS: ReadonlyMap<string, FileKind> = new Map([
  ['f', 'file'],
  ['d', 'dir'],
  ['l', 'symlink'],
]);
const HEAD =
  /^([a-zA-Z]) ([0-7]{1,5}) (\d{1,15}) (-?\d{1,12})(?:\.(\d{1,10}))? (-?\d{1,12})(?:\.(\d{1,10}))? (\d{1,20}) $/;

/** Null for what is no list. */
export function parseListing(bytes: Uint8Array): readonly ListedName[] | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length === 0) return [];
  return buffer.subarray(0, 2).equals(Buffer.from('./')) || buffer[0] === 0
    ? parseParts(buffer)
    : parsePrinted(buffer);
}

/** `find -printf`: a head with eight words and the path, NUL, the target of a link, NUL. */
function parsePrinted(buffer: Buffer): readonly ListedName[] | null {
  const names: ListedName[] = [];
  for (let at = 0; at < buffer.length; ) {
    const end = buffer.indexOf(0, at);
    const targetEnd = end === -1 ? -1 : buffer.indexOf(0, end + 1);
    if (targetEnd === -1) return null;
    let pathAt = at;
    for (let words = 0; words < 6; words++) pathAt = buffer.indexOf(' ', pathAt) + 1;
    const head = HEAD.exec(buffer.toString('latin1', at, pathAt));
    if (head === null || pathAt >= end) return null;
    const [, letter, mode, size, seconds, fraction, changed, changedFraction, inode] = head;
    const kind = KINDS.get(letter!) ?? 'other';
    names.push({
      ...nameOf(buffer.subarray(pathAt, end)),
      kind,
      mode: Number.parseInt(mode!, 8),
      sizeBytes: Number(size),
      mtimeNs: nanoseconds(seconds!, fraction),
      ctimeNs: nanoseconds(changed!, changedFraction),
      inode: inode!,
      target: kind === 'symlink' ? buffer.toString('utf8', end + 1, targetEnd) : null,
    });
    at = targetEnd + 1;
  }
  return names;
}

/** Names, NUL; links with their targets, NUL; then lines of facts that end with the name, which may hold newlines. */
function parseParts(buffer: Buffer): readonly ListedName[] | null {
  const paths: Buffer[] = [];
  let at = 0;
  const word = (): Buffer | null => {
    const end = buffer.indexOf(0, at);
    if (end === -1) return null;
    const found = buffer.subarray(at, end);
    at = end + 1;
    return found;
  };
  for (let path = word(); path !== null && path.length > 0; path = word()) paths.push(path);
  const targets = new Map<string, string>();
  for (let path = word(); path !== null && path.length > 0; path = word()) {
    const target = word();
    if (target === null) return null;
    targets.set(path.toString('latin1'), target.toString('utf8').replace(/\n$/, ''));
  }
  const names: ListedName[] = [];
  const facts =
    /^([0-9a-f]{1,8}) (\d{1,15}) (-?\d{1,12})(?:\.(\d{1,10}))? (-?\d{1,12})(?:\.(\d{1,10}))? (\d{1,20}) $/;
  for (const path of paths) {
    // One that has gone meanwhile has no line.
    let nameAt = at;
    for (let words = 0; words < 5; words++) nameAt = buffer.indexOf(' ', nameAt) + 1;
    if (nameAt <= at || !buffer.subarray(nameAt, nameAt + path.length + 1).equals(withNewline(path)))
      continue;
    const head = facts.exec(buffer.toString('latin1', at, nameAt));
    if (head === null) return null;
    const [, mode, size, seconds, fraction, changed, changedFraction, inode] = head;
    const raw = Number.parseInt(mode!, 16);
    const kind = kindOfMode(raw);
    at = nameAt + path.length + 1;
    const target = targets.get(path.toString('latin1')) ?? null;
    if (kind === 'symlink' && target === null) continue;
    names.push({
      ...nameOf(path.subarray(2)),
      kind,
      mode: raw & 0o7777,
      sizeBytes: Number(size),
      mtimeNs: nanoseconds(seconds!, fraction),
      ctimeNs: nanoseconds(changed!, changedFraction),
      inode: inode!,
      target: kind === 'symlink' ? target : null,
    });
  }
  return names;
}

const withNewline = (name: Buffer) => Buffer.concat([name, Buffer.from('\n')]);

function nameOf(raw: Buffer): { readonly path: string; readonly isText: boolean } {
  const path = raw.toString('utf8');
  return { path, isText: Buffer.from(path).equals(raw) };
}
