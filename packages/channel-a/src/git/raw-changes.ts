import type { GitDiffFile } from '@boxyard/contracts';
import { GitStatusCode } from '@boxyard/contracts';
import { SandboxError } from '@boxyard/sandbox-core';
import { isImagePath } from './image-path.ts';

export interface RawChanges {
  readonly files: GitDiffFile[];
  /** Where the patch begins in the output. */
  readonly patchAt: number;
}

const NUL = 0;

/**
 * Reads the `--raw --numstat -z` part in front of a patch. The names come from here, because in a patch they
 * are quoted, cut and ambiguous. Both lists are in the patch's order.
 */
export function parseRawChanges(output: Buffer): RawChanges {
  const files: GitDiffFile[] = [];
  let at = 0;
  const field = (): string => {
    const end = output.indexOf(NUL, at);
    if (end < 0) throw cut();
    const text = output.toString('utf8', at, end);
    at = end + 1;
    return text;
  };

  while (output[at] === 0x3a /* : */) {
    const record = field();
    const letter = record.slice(record.lastIndexOf(' ') + 1)[0];
    const status = GitStatusCode.safeParse(letter);
    if (!status.success) throw unreadable(record);
    const renamed = letter === 'R' || letter === 'C';
    const oldPath = renamed ? field() : null;
    const path = field();
    files.push({
      path,
      oldPath,
      status: status.data,
      isBinary: false,
      isImage: isImagePath(path),
      additions: 0,
      deletions: 0,
      hunks: [],
      truncated: false,
    });
  }

  for (const file of files) {
    const record = field();
    const counts = /^([0-9]+|-)\t([0-9]+|-)\t/.exec(record);
    if (counts === null) throw unreadable(record);
    if (record.length === counts[0].length) {
      field();
      field();
    }
    file.isBinary = counts[1] === '-';
    file.additions = file.isBinary ? 0 : Number(counts[1]);
    file.deletions = file.isBinary ? 0 : Number(counts[2]);
  }
  // An empty record parts the lists from the patch.
  if (output[at] === NUL) at += 1;
  return { files, patchAt: at };
}

function cut(): SandboxError {
  return new SandboxError(
    'too-large',
    'Reading a diff: the list of changed files alone is longer than an answer may be. Narrow it with a pathspec.',
  );
}

function unreadable(record: string): SandboxError {
  return new SandboxError(
    'unsupported',
    `Reading a diff: a record is not understood (${JSON.stringify(record.slice(0, 80))}). Use git 2.31 or newer in the box.`,
  );
}
