import type { SessionEventDraft, SessionEventOf } from '@boxyard/contracts';
import type { FileEntry } from '@boxyard/sandbox-core';

export type FsChange = SessionEventOf<'fs.changed'>['payload']['changes'][number];
/** `write`: made through the API; `agent`: while a command or a terminal ran; `watch`: by something else. */
export type FsChangeSource = SessionEventOf<'fs.changed'>['payload']['source'];

/**
 * What is told of changes in the workspace. A change below `.git` is also a change of that repository, for
 * viewers that show its state; `changedRepositories` are told besides.
 */
export function changeEvents(
  changes: readonly FsChange[],
  source: FsChangeSource,
  changedRepositories: readonly string[] = [],
): SessionEventDraft[] {
  const repositories = new Set(changedRepositories);
  for (const change of changes) {
    for (const path of [change.path, change.oldPath ?? '']) {
      const names = path.split('/');
      const at = names.indexOf('.git');
      if (at >= 0) repositories.add(names.slice(0, at).join('/'));
    }
  }
  return [
    ...(changes.length === 0
      ? []
      : [{ type: 'fs.changed', data: { changes: [...changes], source } } satisfies SessionEventDraft]),
    ...[...repositories].map((path): SessionEventDraft => ({ type: 'git.changed', data: { path } })),
  ];
}

/** A directory has no size of its own to speak of. */
export function changeOf(kind: FsChange['kind'], entry: FileEntry, path: string = entry.path): FsChange {
  const isDir = entry.kind === 'dir';
  return { path, kind, isDir, sizeBytes: isDir ? null : entry.sizeBytes };
}

/** What is told where a folder's changes are not known one by one: read it anew. */
export function folderChange(path: string): FsChange {
  return { path, kind: 'modified', isDir: true, sizeBytes: null };
}
