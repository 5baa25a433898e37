// The checks on packed packages, each seen failing on a small broken package.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { agentSdkEntries, Consumer } from './consumer.ts';
import { type PackedPackage, packPackage } from './packed-package.ts';
import { publintProblems, typeProblems } from './published-shape.ts';

let temporary: string;
let consumer: Consumer;
beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'checks-bite-'));
  mkdirSync(join(temporary, 'consumer'));
  consumer = new Consumer(join(temporary, 'consumer'));
});
afterEach(() => rmSync(temporary, { recursive: true, force: true }));

function writeFiles(directory: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
}

const manifest = {
  name: '@boxyard/fixture',
  version: '1.0.0',
  type: 'module',
  license: 'Apache-2.0',
  sideEffects: false,
  exports: {
    '.': { types: './dist/index.d.ts', default: './dist/index.js' },
    './package.json': './package.json',
  },
  files: ['dist'],
};
const sound = {
  'dist/index.js': 'export const one = 1;\n',
  'dist/index.d.ts': 'export declare const one: number;\n',
};

function pack(change: object, files: Readonly<Record<string, string>>): PackedPackage {
  const directory = join(temporary, 'source');
  writeFiles(directory, { 'package.json': JSON.stringify({ ...manifest, ...change }), ...files });
  const packed = packPackage(directory, temporary);
  consumer.add(packed, directory);
  return packed;
}

test('a sound package passes every check', async () => {
  const packed = pack({}, sound);
  expect(await publintProblems(packed)).toEqual([]);
  expect(await typeProblems(packed)).toEqual([]);
  const { exitCode, graph } = consumer.importDoors(packed);
  expect(exitCode).toBe(0);
  expect(graph).toContain('asked @boxyard/fixture');
  expect(agentSdkEntries(graph)).toEqual([]);
});

test('publint sees a door that leads nowhere', async () => {
  const packed = pack({}, { 'dist/index.d.ts': sound['dist/index.d.ts'] });
  expect((await publintProblems(packed)).join()).toContain('./dist/index.js');
});

test('types that are not there are seen', async () => {
  const none = pack({}, { 'dist/index.js': sound['dist/index.js'] });
  expect(await typeProblems(none)).not.toEqual([]);
});

test('types of another module kind than the code are seen', async () => {
  const packed = pack(
    { exports: { '.': { types: './dist/index.d.cts', default: './dist/index.js' } } },
    { 'dist/index.js': sound['dist/index.js'], 'dist/index.d.cts': sound['dist/index.d.ts'] },
  );
  expect((await typeProblems(packed)).join()).toContain('FalseCJS');
});

test('an agent SDK anywhere in the graph is seen', () => {
  writeFiles(join(temporary, 'source/node_modules/@openai/agents'), {
    'package.json': JSON.stringify({
      name: '@openai/agents',
      version: '1.0.0',
      type: 'module',
      exports: './index.js',
    }),
    'index.js': 'export const loop = 1;\n',
  });
  const packed = pack(
    { dependencies: { '@openai/agents': '1.0.0' } },
    {
      ...sound,
      'dist/index.js': "export * from './deep.js';\n",
      'dist/deep.js': "export * from '@openai/agents';\n",
    },
  );
  const { exitCode, graph } = consumer.importDoors(packed);
  expect(exitCode).toBe(0);
  expect(agentSdkEntries(graph)).toHaveLength(2);
});

test('a package that is used but not declared does not load', () => {
  const packed = pack({}, { ...sound, 'dist/index.js': "import 'zod';\n" });
  const { exitCode, stderr } = consumer.importDoors(packed);
  expect(exitCode).toBe(1);
  expect(stderr).toContain("Cannot find package 'zod'");
});
