import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { DEFAULT_DOCKERFILE } from './default-dockerfile.ts';

test('the text that the provider builds from is the Dockerfile that people find', async () => {
  const file = new URL('../../../tooling/images/box/Dockerfile', import.meta.url);
  expect(await readFile(file, 'utf8')).toBe(DEFAULT_DOCKERFILE);
});
