import type { GitStatusFile, GitStatusResponse } from '@boxyard/contracts';
import { GitStatusCode } from '@boxyard/contracts';
import { SandboxError } from '@boxyard/sandbox-core';

export type ParsedStatus = Omit<GitStatusResponse, 'revision' | 'sandboxGroupId' | 'isRepo'>;

/** Reads `git status --porcelain=v2 -z --branch`. A record that is not understood is an error, never left out. */
export function parseStatus(text: string): ParsedStatus {
  const records = text.split('\0');
  const files: GitStatusFile[] = [];
  let oid = '';
  let branch = '';
  let upstream: string | null = null;
  let ahead = 0;
  let behind = 0;

  for (let i = 0; i < records.length; i += 1) {
    const record = records[i]!;
    if (record === '') continue;
    if (record.startsWith('# ')) {
      const [, key, ...rest] = record.split(' ');
      const value = rest.join(' ');
      if (key === 'branch.oid') oid = value;
      else if (key === 'branch.head') branch = value;
      else if (key === 'branch.upstream') upstream = value;
      else if (key === 'branch.ab') {
        const counts = /^\+([0-9]+) -([0-9]+)$/.exec(value);
        ahead = Number(counts?.[1] ?? 0);
        behind = Number(counts?.[2] ?? 0);
      }
      continue;
    }
    switch (record[0]) {
      case '1':
        files.push(changed(record, pathFromField(record, 8), null, false));
        break;
      case '2': {
        const oldPath = records[i + 1];
        if (!oldPath) throw unreadable(record);
        files.push(changed(record, pathFromField(record, 9), oldPath, false));
        i += 1;
        break;
      }
      case 'u':
        files.push(changed(record, pathFromField(record, 10), null, true));
        break;
      case '?':
      case '!':
        files.push({
          path: record.slice(2),
          oldPath: null,
          index: record[0],
          worktree: record[0],
          isConflicted: false,
        });
        break;
      default:
        throw unreadable(record);
    }
  }
  const detached = branch === '(detached)';
  return { head: (detached ? oid : branch) || null, detached, upstream, ahead, behind, files };
}

function changed(record: string, path: string, oldPath: string | null, isConflicted: boolean): GitStatusFile {
  const index = GitStatusCode.safeParse(record[2]);
  const worktree = GitStatusCode.safeParse(record[3]);
  if (!index.success || !worktree.success) throw unreadable(record);
  return { path, oldPath, index: index.data, worktree: worktree.data, isConflicted };
}

/** What stands after the field'th space: a path may hold spaces itself. */
function pathFromField(record: string, field: number): string {
  let at = -1;
  for (let i = 0; i < field; i += 1) {
    at = record.indexOf(' ', at + 1);
    if (at < 0) throw unreadable(record);
  }
  return record.slice(at + 1);
}

function unreadable(record: string): SandboxError {
  return new SandboxError(
    'unsupported',
    `Reading git status: a record is not of porcelain version 2 (${JSON.stringify(record.slice(0, 80))}). Use git 2.31 or newer in the box.`,
  );
}
