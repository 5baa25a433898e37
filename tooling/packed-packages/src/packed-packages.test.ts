import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { floorOf, readWorkspace } from '@tooling/package-shape';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { agentSdkEntries, Consumer } from './consumer.ts';
import { type PackedPackage, packPackage } from './packed-package.ts';
import { publintProblems, typeProblems } from './published-shape.ts';

const root = resolve(import.meta.dirname, '../../..');
const folders = readWorkspace(root)
  .filter(({ kind }) => kind === 'package')
  .map(({ folder }) => folder);

const temporary = mkdtempSync(join(tmpdir(), 'packed-packages-'));
const packed = new Map<string, PackedPackage>();
let consumer: Consumer;

beforeAll(() => {
  // From turbo's cache when nothing changed since the last build: a stale dist would prove nothing.
  const { status, stdout, stderr } = spawnSync(
    join(root, 'node_modules/.bin/turbo'),
    ['run', 'build', '--filter', './packages/*', '--output-logs=errors-only'],
    { cwd: root, encoding: 'utf8', env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1' }, timeout: 240_000 },
  );
  if (status !== 0) throw new Error(`The packages do not build:\n${stdout}${stderr}`);

  mkdirSync(join(temporary, 'tarballs'));
  mkdirSync(join(temporary, 'consumer'));
  consumer = new Consumer(join(temporary, 'consumer'));
  for (const folder of folders) {
    const directory = join(root, 'packages', folder);
    const tarball = packPackage(directory, join(temporary, 'tarballs'));
    packed.set(folder, tarball);
    consumer.add(tarball, directory);
  }
}, 300_000);
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

function packedPackage(folder: string): PackedPackage {
  const found = packed.get(folder);
  if (found === undefined) throw new Error(`packages/${folder} was not packed.`);
  return found;
}

test.each(folders)('%s: the published manifest names real versions and no source', (folder) => {
  const { manifest } = packedPackage(folder);
  expect(JSON.stringify(manifest)).not.toMatch(/"(workspace|catalog):|@boxyard\/source/);
});

test.each(folders)('%s: publint has nothing to say', async (folder) => {
  expect(await publintProblems(packedPackage(folder))).toEqual([]);
});

test.each(folders)('%s: its types resolve as its code does', async (folder) => {
  expect(await typeProblems(packedPackage(folder))).toEqual([]);
});

test.each(folders)('%s: every door opens with what it declares', (folder) => {
  const { exitCode, stderr, graph } = consumer.importDoors(packedPackage(folder));
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(graph.some((entry) => entry.startsWith('loaded file:') && entry.endsWith('/dist/index.js'))).toBe(
    true,
  );
  if (floorOf(folder)?.agentSdk !== true) expect(agentSdkEntries(graph)).toEqual([]);
});
