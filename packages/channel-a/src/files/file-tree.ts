import type { FsTreeNode } from '@boxyard/contracts';
import type { BoxFiles, CallOptions, FileEntry } from '@boxyard/sandbox-core';
import { SandboxError } from '@boxyard/sandbox-core';

export interface TreeLimits {
  /** How many levels below the root are listed; 0 describes the root alone. */
  readonly depth: number;
  readonly maxEntries: number;
  readonly includeHidden: boolean;
}

/** Enough to hide the round trip to a far box, few enough not to crowd out its other callers. */
const DIRECTORIES_AT_ONCE = 8;

/**
 * Lists level by level, so that a limit cuts the deepest names and never leaves the upper levels uneven.
 * Links are named with their target and never followed.
 */
export async function listTree(
  files: BoxFiles,
  root: FileEntry,
  limits: TreeLimits,
  options: CallOptions,
): Promise<{ root: FsTreeNode; truncated: boolean }> {
  const tree = treeNode(root);
  let left = limits.maxEntries;
  let truncated = false;
  let level = root.kind === 'dir' ? [tree] : [];

  for (let depth = 0; depth < limits.depth && level.length > 0; depth += 1) {
    const next: FsTreeNode[] = [];
    for (let at = 0; at < level.length; at += DIRECTORIES_AT_ONCE) {
      const group = level.slice(at, at + DIRECTORIES_AT_ONCE);
      if (left === 0) {
        // There may be more below, and nobody looked: that is what null and `truncated` say.
        truncated = true;
        for (const folder of group) folder.truncated = true;
        continue;
      }
      const listed = await Promise.all(group.map((folder) => listFolder(files, folder, tree, options)));
      for (const [index, folder] of group.entries()) {
        const entries = listed[index];
        if (entries === undefined || entries === null) continue;
        const shown = limits.includeHidden ? [...entries] : entries.filter(({ name }) => name[0] !== '.');
        shown.sort(directoriesFirst);
        const kept = shown.slice(0, left).map(treeNode);
        left -= kept.length;
        if (kept.length < shown.length) {
          folder.truncated = true;
          truncated = true;
          // An empty list would say that there is nothing.
          if (kept.length === 0) continue;
        }
        folder.children = kept;
        for (const child of kept) if (child.kind === 'dir') next.push(child);
      }
    }
    level = next;
  }
  return { root: tree, truncated };
}

/** Null for a folder below the root that went away or may not be read: it stays unlisted, not empty. */
async function listFolder(
  files: BoxFiles,
  folder: FsTreeNode,
  root: FsTreeNode,
  options: CallOptions,
): Promise<readonly FileEntry[] | null> {
  try {
    return await files.list(folder.path, options);
  } catch (error) {
    const passable =
      SandboxError.hasCode(error, 'not-found') ||
      SandboxError.hasCode(error, 'denied') ||
      SandboxError.hasCode(error, 'invalid');
    if (folder !== root && passable) return null;
    throw error;
  }
}

function directoriesFirst(a: FileEntry, b: FileEntry): number {
  const aFirst = a.kind === 'dir' ? 0 : 1;
  const bFirst = b.kind === 'dir' ? 0 : 1;
  // Not by locale: the order must be the same on every machine.
  return aFirst - bFirst || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

export function treeNode(entry: FileEntry): FsTreeNode {
  return { ...describeEntry(entry), ...(entry.kind === 'dir' ? { children: null } : {}) };
}

export function describeEntry(entry: FileEntry): Omit<FsTreeNode, 'children' | 'truncated'> {
  return {
    name: entry.name,
    path: entry.path,
    kind: entry.kind,
    sizeBytes: entry.sizeBytes,
    mode: entry.mode,
    modifiedAt: entry.modifiedAt.toISOString(),
    ...(entry.target === undefined ? {} : { target: entry.target }),
  };
}
