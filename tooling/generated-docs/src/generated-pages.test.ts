import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { GENERATED_PAGES } from './generated-pages.ts';

const pages = GENERATED_PAGES.map((page) => ({ ...page, name: basename(fileURLToPath(page.file)) }));

test.each(pages)('docs/$name is what its source makes of it', async ({ file, render }) => {
  expect(await readFile(file, 'utf8'), 'run `pnpm run docs` and commit the outcome').toBe(render());
});
