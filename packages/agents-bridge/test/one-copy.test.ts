import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';

const lockfile = readFileSync(resolve(import.meta.dirname, '../../../pnpm-lock.yaml'), 'utf8');

// Two copies do not know each other's manifests: `create(manifest)` of one takes that of the other for no manifest.
test('the repository has one copy of agents-core, at the version that we pin', () => {
  // A copy for each version and, behind it, for each set of peers.
  const snapshots = lockfile.slice(lockfile.indexOf('\nsnapshots:'));
  const copies = [...snapshots.matchAll(/^ {2}'@openai\/agents-core@([^(']+)[^']*':/gm)];
  expect(copies.map(([, version]) => version)).toEqual(['0.18.0']);
});

test('@openai/agents and this package load the same agents-core', () => {
  const here = createRequire(import.meta.url);
  const agents = createRequire(here.resolve('@openai/agents'));
  expect(agents.resolve('@openai/agents-core')).toBe(here.resolve('@openai/agents-core'));
});
