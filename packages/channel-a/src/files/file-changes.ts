import type { SessionEventDraft, SessionEventOf } from '@boxyard/contracts';
import type { FileEntry } from '@boxyard/sandbox-core';

export type FsChange = SessionEventOf<'fs.changed'>['data']['changes'][number];

/**
 * What is told of changes in the workspace. A change below `.git` is also a change of that repository, for
 * viewers that show its state.
 */
export function changeEvents(
  changes: readonly FsChange[],
  source: SessionEventOf<'fs.changed'>['data']['source'],
): SessionEventDraft[] {
  const repositories = new Set<string>();
  for (const change of changes) {
    for (const path of [change.path, change.oldPath ?? '']) {
      const names = path.split('/');
      const at = names.indexOf('.git');
      if (at >= 0) repositories.add(names.slice(0, at).join('/'));
    }
  }
  return [
    { type: 'fs.changed', data: { changes: [...changes], source } },
    ...[...repositories].map((path): SessionEventDraft => ({ type: 'git.changed', data: { path } })),
  ];
}

/** A directory has no size of its own to speak of. */
export function changeOf(kind: FsChange['kind'], entry: FileEntry, path: string = entry.path): FsChange {
  const isDir = entry.kind === 'dir';
  return { path, kind, isDir, sizeBytes: isDir ? null : entry.sizeBytes };
}
