import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Host } from './host.ts';
import { installParts } from './install-parts.ts';
import { installCommand, missingParts } from './missing-parts.ts';
import { needsOn } from './needs.ts';
import { SYSTEM_PARTS } from './parts.ts';
import { provideNeededParts } from './provide-needed-parts.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'system-parts-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const debianRoot = (): Host => ({ path: folder, isRoot: true, isDebian: true });
const git = SYSTEM_PARTS.filter((part) => part.name === 'git');

function addProgram(name: string, script = '#!/bin/sh\n'): void {
  writeFileSync(join(folder, name), script);
  chmodSync(join(folder, name), 0o755);
}

/** An apt-get that writes down its calls and "installs" by making the program of the same name. */
function addAptGet(installs: boolean): void {
  const install = installs
    ? `case "$*" in *install*git*) printf x >${folder}/git; /bin/chmod +x ${folder}/git;; esac`
    : '';
  addProgram('apt-get', `#!/bin/sh\necho "$DEBIAN_FRONTEND $*" >>${folder}/calls\n${install}\n`);
}

test('a part is there when any of its programs is an executable file on PATH', () => {
  addProgram('Xtigervnc');
  mkdirSync(join(folder, 'git'));
  writeFileSync(join(folder, 'ffmpeg'), 'not executable');
  const names = missingParts(debianRoot()).map((part) => part.name);
  const all = SYSTEM_PARTS.map((part) => part.name);
  expect(names).toEqual(all.filter((name) => name !== 'x-server'));
});

test('as root on Debian the missing part is installed without questions', () => {
  addAptGet(true);
  expect(installParts(git, debianRoot())).toEqual([]);
  const calls = readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
  expect(calls).toEqual([
    'noninteractive -o DPkg::Lock::Timeout=120 update -q',
    'noninteractive -o DPkg::Lock::Timeout=120 install -y -q --no-install-recommends git',
  ]);
});

test('a part that apt-get could not bring stays on the list', () => {
  addAptGet(false);
  expect(installParts(git, debianRoot())).toEqual(git);
});

test('nobody but root on Debian installs, and the one command is printed', () => {
  addAptGet(true);
  const lines: string[] = [];
  const host = { ...debianRoot(), isRoot: false };
  const parts = SYSTEM_PARTS.filter((part) => part.name === 'git' || part.neededBy.length === 0);
  expect(provideNeededParts(host, parts, (line) => lines.push(line))).toEqual(git);
  expect(lines.at(-1)).toBe('To get what is missing: sudo apt-get install -y --no-install-recommends git');
  expect(lines).toContain('  missing  ffmpeg (not needed by any test)');
  expect(installCommand(git, { ...host, isDebian: false })).toBe('install with your package manager: git');
});

test('a suite whose part is missing is skipped and says why', () => {
  expect(needsOn({ ...debianRoot(), isRoot: false }, ['git', 'ffmpeg'])).toEqual({
    skip: true,
    meta: {
      skipReason: 'missing: git, ffmpeg (sudo apt-get install -y --no-install-recommends git ffmpeg)',
    },
  });
  addProgram('git');
  expect(needsOn(debianRoot(), ['git'])).toEqual({});
});
