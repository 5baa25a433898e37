import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../../..');

// Two copies do not know each other's manifests: `create(manifest)` of one takes that of the other for no manifest.
test('the repository has one copy of agents-core, at the version that we pin', () => {
  const copies = readdirSync(join(root, 'node_modules/.pnpm')).filter((name) =>
    name.startsWith('@openai+agents-core@'),
  );
  expect(copies).toHaveLength(1);
  expect(copies[0]).toMatch(/^@openai\+agents-core@0\.18\.0(_|$)/);
});

test('@openai/agents and this package load the same agents-core', () => {
  const here = createRequire(import.meta.url);
  const agents = createRequire(here.resolve('@openai/agents'));
  expect(agents.resolve('@openai/agents-core')).toBe(here.resolve('@openai/agents-core'));
});
