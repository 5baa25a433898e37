import type { GitDiffFile, GitDiffHunk } from '@boxyard/contracts';

export interface PatchLimits {
  /** Text of one file's lines; what is beyond is left out and the file is `truncated`. */
  readonly maxBytesPerFile: number;
  /** True when the patch itself was cut short. */
  readonly cut: boolean;
}

const HUNK = /^@@ -([0-9]+)(?:,([0-9]+))? \+([0-9]+)(?:,([0-9]+))? @@ ?(.*)$/s;
const NEW_LINE = 0x0a;
const UNMERGED = '* Unmerged path ';

/**
 * Fills the hunks of `files` from a unified patch whose sections are in the same order. Lines inside a hunk are
 * told by the hunk's own counts, so that content which looks like a header stays content.
 */
export function readPatchInto(files: readonly GitDiffFile[], patch: Buffer, limits: PatchLimits): void {
  let section = -1;
  let file: GitDiffFile | undefined;
  let hunk: GitDiffHunk | undefined;
  let usedBytes = 0;
  let oldNo = 0;
  let newNo = 0;
  let oldLeft = 0;
  let newLeft = 0;
  // A change of type is written as two sections, a removal and an addition.
  let sectionsLeft = 0;

  const nextFile = (header: string | null) => {
    section = sectionOf(files, section + 1, header);
    file = files[section];
    sectionsLeft = file?.status === 'T' ? 2 : 1;
    usedBytes = 0;
  };

  for (let at = 0; at < patch.length; ) {
    const found = patch.indexOf(NEW_LINE, at);
    const end = found < 0 ? patch.length : found;
    const first = patch[at];

    if (oldLeft > 0 || newLeft > 0) {
      // An empty line is a context line whose space an older git has dropped.
      const kind = end === at ? 'context' : lineKind(first);
      if (kind !== null) {
        usedBytes += end - at;
        const keep = hunk !== undefined && file !== undefined && usedBytes <= limits.maxBytesPerFile;
        if (file !== undefined && !keep) file.truncated = true;
        if (keep) {
          hunk!.lines.push({
            type: kind,
            oldNo: kind === 'add' ? null : oldNo,
            newNo: kind === 'del' ? null : newNo,
            text: patch.toString('utf8', Math.min(at + 1, end), end),
          });
        }
        if (kind !== 'add') {
          oldNo += 1;
          oldLeft -= 1;
        }
        if (kind !== 'del') {
          newNo += 1;
          newLeft -= 1;
        }
      }
      at = end + 1;
      continue;
    }

    if (first === 0x40 /* @ */) {
      const line = patch.toString('utf8', at, end);
      const match = HUNK.exec(line);
      if (match !== null && file !== undefined) {
        oldNo = Number(match[1]);
        oldLeft = Number(match[2] ?? 1);
        newNo = Number(match[3]);
        newLeft = Number(match[4] ?? 1);
        hunk = undefined;
        usedBytes += end - at;
        if (usedBytes <= limits.maxBytesPerFile) {
          hunk = {
            oldStart: oldNo,
            oldLines: oldLeft,
            newStart: newNo,
            newLines: newLeft,
            header: match[5] ?? '',
            lines: [],
          };
          file.hunks.push(hunk);
        } else file.truncated = true;
      }
    } else if (first === 0x64 /* d */ && patch.toString('latin1', at, Math.min(at + 5, end)) === 'diff ') {
      sectionsLeft -= 1;
      if (sectionsLeft <= 0 || file === undefined) nextFile(patch.toString('utf8', at, end));
    } else if (first === 0x2a /* * */ && patch.toString('latin1', at, at + UNMERGED.length) === UNMERGED) {
      nextFile(null);
      sectionsLeft = 0;
    }
    at = end + 1;
  }

  if (!limits.cut) return;
  // The last section that was begun is not whole, and those after it are missing.
  for (const left of files.slice(Math.max(0, section))) {
    if (!left.isBinary) left.truncated = true;
  }
}

/** A file may have no section at all, so a header is looked for; one that cannot be found is the next file's. */
function sectionOf(files: readonly GitDiffFile[], from: number, header: string | null): number {
  if (header === null) return from;
  for (let i = from; i < files.length; i += 1) {
    const { oldPath, path } = files[i]!;
    if (header === `diff --git ${cQuoted(`a/${oldPath ?? path}`)} ${cQuoted(`b/${path}`)}`) return i;
  }
  return from;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '"': '\\"',
  '\\': '\\\\',
};

/** A name as git writes it with `core.quotePath=false`. */
function cQuoted(name: string): string {
  if (!/[\x00-\x1f\x7f"\\]/.test(name)) return name;
  const escaped = (char: string) => ESCAPES[char] ?? `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`;
  return `"${name.replace(/[\x00-\x1f\x7f"\\]/g, escaped)}"`;
}

function lineKind(first: number | undefined): 'context' | 'add' | 'del' | null {
  if (first === 0x20) return 'context';
  if (first === 0x2b) return 'add';
  if (first === 0x2d) return 'del';
  // "\ No newline at end of file"
  return null;
}
