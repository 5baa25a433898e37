import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { ALL_RULES } from './all-rules.ts';
import { checkPackage } from './rule.ts';
import { readWorkspace } from './workspace-package.ts';

const workspace = readWorkspace(resolve(import.meta.dirname, '../../..'));

test('the workspace was found', () => {
  const names = workspace.map(({ manifest }) => manifest.name);
  expect(names).toContain('@boxyard/sandbox-core');
  expect(names).toContain('@boxyard/boxyard');
});

test.each(workspace.map((pkg) => [pkg.manifest.name ?? pkg.folder, pkg] as const))(
  '%s keeps every rule',
  (_name, pkg) => {
    expect(checkPackage(pkg, ALL_RULES)).toEqual([]);
  },
);
