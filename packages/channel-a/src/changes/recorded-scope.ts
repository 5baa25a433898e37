/**
 * Which parts of a workspace are looked at. What package managers and caches fill with tens of thousands of files
 * is of no use to somebody who follows the work, and would be most of what is recorded.
 */
const UNRECORDED_FOLDERS = new Set(['node_modules', '.pnpm-store', '.venv', '__pycache__', '.cache']);

/** Whether changes directly in a folder are looked at. Of a repository's own folder, what names its state. */
export function isLookedInto(folderPath: string): boolean {
  const names = folderPath.split('/');
  if (names.some((name) => UNRECORDED_FOLDERS.has(name))) return false;
  const git = names.indexOf('.git');
  return git < 0 || git === names.length - 1 || names[git + 1] === 'refs';
}

export type RecordedScope = { readonly kind: 'file' } | { readonly kind: 'git'; readonly repository: string };

/** Null for a change that is not recorded; `git` for one that only says that a repository's state changed. */
export function scopeOf(path: string): RecordedScope | null {
  const folder = path.slice(0, Math.max(0, path.lastIndexOf('/')));
  if (!isLookedInto(folder)) return null;
  const names = path.split('/');
  const git = names.indexOf('.git');
  if (git < 0) return { kind: 'file' };
  return { kind: 'git', repository: names.slice(0, git).join('/') };
}
