import type { EntryBase } from './manifest-entry.ts';

/** What the SDK's own sessions give an entry without permissions. */
const DEFAULT_MODE = 0o755;
const TRIPLES = /^[d-]((?:[r-][w-][xsStT-]){3})[.@+]?$/;

/** The permission bits of an entry, in any of the forms that the SDK takes. */
export function entryMode(permissions: EntryBase['permissions']): number {
  if (permissions === undefined) return DEFAULT_MODE;
  if (typeof permissions === 'number') return permissions & 0o777;
  if (typeof permissions !== 'string') {
    const { owner = 7, group = 0, other = 0 } = permissions;
    return ((owner & 7) << 6) | ((group & 7) << 3) | (other & 7);
  }
  const bits = TRIPLES.exec(permissions)?.[1];
  if (bits === undefined) return DEFAULT_MODE;
  // Capital letters mark a special bit without the permission to execute.
  return [...bits].reduce((mode, bit) => (mode << 1) | (/[-ST]/.test(bit) ? 0 : 1), 0);
}
