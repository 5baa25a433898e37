import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ALL_RULES, checkPackage, floorOf, readPackage } from '@tooling/package-shape';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createPackage } from './create-package.ts';
import { parseFloor } from './floor-row.ts';

const repository = resolve(import.meta.dirname, '../../..');
const floorsPath = 'tooling/package-shape/src/floors.ts';

let root: string;
beforeEach(() => {
  // Inside the repository and with the same depth, so that what is made finds the real tools and base config.
  root = mkdtempSync(join(import.meta.dirname, '../.fixture-'));
  mkdirSync(join(root, 'tooling/package-shape/src'), { recursive: true });
  cpSync(join(repository, floorsPath), join(root, floorsPath));
  cpSync(join(repository, 'tsconfig.base.json'), join(root, 'tsconfig.base.json'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Runs a tool of the repository's root; its output is the message when it fails. */
function run(tool: string, args: readonly string[], cwd: string): void {
  const { status, stdout, stderr, error } = spawnSync(join(repository, 'node_modules/.bin', tool), args, {
    cwd,
    encoding: 'utf8',
    timeout: 50_000,
  });
  expect(status, `${tool}: ${error?.message ?? ''}${stdout}${stderr}`).toBe(0);
}

test('a new package keeps every rule, is formatted, typechecks, passes its test and builds', () => {
  // A name that the table knows by its pattern.
  const directory = createPackage({ root, name: 'providers-attic', description: 'Boxes in the attic.' });
  expect(checkPackage(readPackage('package', directory), ALL_RULES)).toEqual([]);

  // Fixture folders are ignored by git, and biome follows that unless told otherwise.
  run('biome', ['ci', '--vcs-use-ignore-file=false', directory], repository);
  run('tsc', ['-p', '.'], directory);
  run('vitest', ['run', '--root', '.'], directory);
  run('tsup', [], directory);
  run('tsc', ['-p', 'tsconfig.build.json'], directory);
  expect(existsSync(join(directory, 'dist/index.js'))).toBe(true);
  expect(existsSync(join(directory, 'dist/index.d.ts'))).toBe(true);
});

test('a name without a place needs a floor and gets its row in the table', async () => {
  expect(floorOf('attic')).toBeUndefined();
  expect(() => createPackage({ root, name: 'attic' })).toThrow('--floor');
  expect(existsSync(join(root, 'packages/attic'))).toBe(false);

  createPackage({ root, name: 'attic', floor: parseFloor('3') });
  const { floorOf: floorIn } = (await import(join(root, floorsPath))) as { floorOf: typeof floorOf };
  expect(floorIn('attic')).toEqual({ name: 'attic', floor: 3, mayImport: ['sandbox-core', 'contracts'] });
  expect(floorIn('leases')).toEqual(floorOf('leases'));
});

test('a taken or impossible name is refused and nothing is written', () => {
  createPackage({ root, name: 'providers-attic' });
  const before = readFileSync(join(root, 'packages/providers-attic/package.json'), 'utf8');
  expect(() => createPackage({ root, name: 'providers-attic' })).toThrow('exists already');
  expect(readFileSync(join(root, 'packages/providers-attic/package.json'), 'utf8')).toBe(before);
  for (const name of ['../outside', 'Upper', 'a--b', '-x', ''])
    expect(() => createPackage({ root, name, floor: 1 })).toThrow('cannot name a package');
  for (const floor of ['', '9', 'three']) expect(() => parseFloor(floor)).toThrow('is not a floor');
});
