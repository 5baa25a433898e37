// What the SDK is shown of a box. It refuses a live session whose root or environment differs from an agent's
// manifest, so manifests are fitted to the session, and what differs is told by name.
import { isDeepStrictEqual } from 'node:util';
import type { Manifest, ManifestInput } from '@openai/agents-core/sandbox';
import { deserializeManifest, mergeManifestEntryDelta } from '../sdk-values.ts';
import { unsupported } from '../session-error.ts';

/** Names only: values may be secrets. */
export interface ManifestDrift {
  /** Variables that a manifest sets and the box has not, or has with another value. */
  readonly environment: readonly string[];
  /** Entries that are in the session with another content. */
  readonly entries: readonly string[];
}

/** A manifest of the root and of what the box was given when it was made. */
export function sessionManifest(root: string, environment: Readonly<Record<string, string>>): Manifest {
  // Ephemeral: the SDK writes other values into run states as they are.
  const pinned = Object.entries(environment).map(
    ([name, value]) => [name, { value, ephemeral: true }] as const,
  );
  return deserializeManifest({ root, environment: Object.fromEntries(pinned) });
}

/**
 * The entries of `wanted` with the root and the environment of the session, which is what a live session accepts.
 *
 * @throws AgentsSessionError `unsupported_feature` for users, groups and grants of other paths.
 */
export function fitManifest(
  session: Manifest,
  wanted: ManifestInput,
): { readonly manifest: Manifest; readonly drift: ManifestDrift } {
  refuseBeyondFiles(wanted);
  const changed: string[] = [];
  let manifest = session;
  for (const [path, entry] of Object.entries(wanted.entries ?? {})) {
    const present = session.entries[path];
    if (present === undefined) manifest = mergeManifestEntryDelta(manifest, path, entry);
    else if (!isDeepStrictEqual(present, entry)) changed.push(path);
  }
  const environment = Object.entries(wanted.environment ?? {})
    .filter(([name, value]) => plainValue(value) !== session.environment[name]?.value)
    .map(([name]) => name);
  return { manifest, drift: { environment, entries: changed } };
}

export function refuseBeyondFiles(wanted: ManifestInput): void {
  const { users = [], groups = [], extraPathGrants = [] } = wanted;
  if (users.length > 0 || groups.length > 0) {
    throw unsupported('Users and groups of a manifest are refused: a box has one user. Leave them out.');
  }
  if (extraPathGrants.length > 0) {
    throw unsupported(
      'Grants of other paths are refused: tools see the workspace only. Copy what is needed.',
    );
  }
}

/** Undefined for what is known only when it is resolved. */
function plainValue(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null || !('value' in value)) return undefined;
  const isResolved = 'resolver' in value && value.resolver !== undefined;
  return isResolved ? undefined : String(value.value);
}
