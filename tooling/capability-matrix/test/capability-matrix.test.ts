import { readFile } from 'node:fs/promises';
import { needs } from '@tooling/system-parts';
import { describe, expect, test } from 'vitest';
import { matrixTable, withMatrix } from '../src/matrix-table.ts';
import { observeBoxes } from '../src/observe-boxes.ts';

const README = new URL('../../../README.md', import.meta.url);

describe('the table of capabilities', needs('docker', 'debootstrap', 'busybox'), () => {
  test('is what real boxes say of themselves', { timeout: 10 * 60_000 }, async () => {
    const page = await readFile(README, 'utf8');
    const told = withMatrix(page, matrixTable(await observeBoxes()));
    expect(page, 'run `pnpm capability-matrix` and commit the outcome').toBe(told);
  });
});

test('a page without a place for it is told as such', () => {
  expect(() => withMatrix('# Boxyard\n', '| |')).toThrow(/no capabilities marks/);
});
