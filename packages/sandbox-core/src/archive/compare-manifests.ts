import type { ArchiveManifest, ManifestEntry } from './archive-manifest.ts';

/** How what is there compares with what was archived. */
export type ManifestComparison =
  | { readonly kind: 'EXACT' }
  | { readonly kind: 'INCOMPLETE'; readonly missing: readonly string[] };

/**
 * Whether all that `expected` names is in `actual` with the same content, kind and permissions; more may be
 * there. `missing` holds, sorted, the paths that are absent or different, and what was never archived because
 * it could not be read. Sockets, FIFOs and devices are not expected back.
 */
export function compareManifests(expected: ArchiveManifest, actual: ArchiveManifest): ManifestComparison {
  const found = new Map(actual.entries.map((entry) => [entry.path, entry]));
  const missing = expected.entries
    .filter((entry) => entry.kind !== 'other' || entry.omitted === true)
    .filter((entry) => entry.omitted === true || !isSame(entry, found.get(entry.path)))
    .map((entry) => entry.path)
    .sort();
  return missing.length === 0 ? { kind: 'EXACT' } : { kind: 'INCOMPLETE', missing };
}

function isSame(expected: ManifestEntry, actual: ManifestEntry | undefined): boolean {
  return (
    actual !== undefined &&
    actual.kind === expected.kind &&
    actual.sha256 === expected.sha256 &&
    actual.sizeBytes === expected.sizeBytes &&
    // Links have no permissions of their own; set-id bits are not always given back.
    (expected.kind === 'symlink' || (actual.mode & 0o777) === (expected.mode & 0o777))
  );
}
