import { type Host, thisHost } from './host.ts';
import { installCommand, missingParts } from './missing-parts.ts';
import { type PartName, SYSTEM_PARTS } from './parts.ts';

declare module 'vitest' {
  interface TaskMeta {
    /** Why a test or a suite does not run here. The test run lists it. */
    skipReason?: string;
  }
}

/** Options for `describe` or `test`: nothing, or "skip, and this is why". */
export interface NeedsOptions {
  skip?: true;
  meta?: { skipReason: string };
}

/**
 * Says that a suite or a test needs parts of the system:
 * `describe('status of a repository', needs('git'), () => { ... })`.
 * Where one is missing the suite is counted as skipped with its reason; with `CI=true` that fails the run.
 */
export function needs(...names: readonly PartName[]): NeedsOptions {
  return needsOn(thisHost(), names);
}

export function needsOn(host: Host, names: readonly PartName[]): NeedsOptions {
  const parts = SYSTEM_PARTS.filter((part) => names.includes(part.name));
  const missing = missingParts(host, parts);
  if (missing.length === 0) return {};
  const titles = missing.map((part) => part.title).join(', ');
  return { skip: true, meta: { skipReason: `missing: ${titles} (${installCommand(missing, host)})` } };
}
