import { spawnSync } from 'node:child_process';
import { findProgram, type Host, thisHost } from './host.ts';
import { missingParts } from './missing-parts.ts';
import type { SystemPart } from './parts.ts';

/** A package mirror that does not answer must not hold up a whole test run. */
const APT_DEADLINE_MS = 10 * 60_000;

/**
 * Installs what is missing of `parts` where that is possible without asking anybody: as root, with apt-get.
 * Answers with the parts that are still missing; a failed installation shows itself in that list and in
 * apt-get's own output, it does not throw.
 */
export function installParts(parts: readonly SystemPart[], host: Host = thisHost()): readonly SystemPart[] {
  const missing = missingParts(host, parts);
  const aptGet = findProgram('apt-get', host.path);
  if (missing.length === 0 || !host.isRoot || !host.isDebian || aptGet === null) return missing;

  // A fresh container has no package lists. Old lists that cannot be renewed may still do, so go on either way.
  runApt(aptGet, ['update', '-q'], host);
  const packages = missing.map((part) => part.debianPackage);
  runApt(aptGet, ['install', '-y', '-q', '--no-install-recommends', ...packages], host);
  return missingParts(host, missing);
}

function runApt(aptGet: string, args: readonly string[], host: Host): void {
  spawnSync(aptGet, ['-o', 'DPkg::Lock::Timeout=120', ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PATH: host.path, DEBIAN_FRONTEND: 'noninteractive' },
    timeout: APT_DEADLINE_MS,
  });
}
