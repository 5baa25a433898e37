// What `stat` printed about names, read strictly: it is testimony of the box.
import { type FileEntry, type FileKind, joinPath } from '@boxyard/sandbox-core';

const KINDS: ReadonlyMap<number, FileKind> = new Map([
  [0o100000, 'file'],
  [0o040000, 'dir'],
  [0o120000, 'symlink'],
]);

/** Of a line `mode size seconds[.nanoseconds]`, the mode in hexadecimal; null for anything else. */
export function entryOf(path: string, name: string, line: string, target: string | null): FileEntry | null {
  const [, mode, size, seconds, fraction = ''] =
    /^([0-9a-f]{1,8}) (\d{1,15}) (-?\d{1,12})(?:\.(\d{1,9}))?$/.exec(line) ?? [];
  if (mode === undefined) return null;
  const raw = Number.parseInt(mode, 16);
  return {
    name,
    path,
    kind: KINDS.get(raw & 0o170000) ?? 'other',
    sizeBytes: Number(size),
    mode: raw & 0o7777,
    modifiedAt: new Date(Number(seconds) * 1000 + Number(fraction.slice(0, 3).padEnd(3, '0'))),
    ...(target === null ? {} : { target }),
  };
}

/** Names, then their lines, then the targets of the links among them; null when the parts do not fit. */
export function parseListing(folder: string, text: string): readonly FileEntry[] | null {
  if (text === '') return [];
  const [names, rest] = cut(text, '\0\0');
  if (rest === null) return null;
  const [lines, targets] = cut(rest, '\n\0');
  if (targets === null) return null;
  const [allNames, allLines] = [names.split('\0'), lines.split('\n')];
  const ofLinks = targets.split('\0');
  if (allNames.length !== allLines.length) return null;
  const entries = allNames.map((found, index) => {
    const name = found.replace(/^\.\//, '');
    const entry = entryOf(joinPath(folder, name), name, allLines[index] ?? '', null);
    return entry?.kind === 'symlink' ? { ...entry, target: ofLinks.shift() ?? '' } : entry;
  });
  return entries.every((entry) => entry !== null) ? entries : null;
}

function cut(text: string, mark: string): readonly [string, string | null] {
  const at = text.indexOf(mark);
  return at === -1 ? [text, null] : [text.slice(0, at), text.slice(at + mark.length)];
}
