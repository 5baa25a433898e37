// Writes every generated page anew: `pnpm run docs`.
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { GENERATED_PAGES } from './generated-pages.ts';

for (const { file, render } of GENERATED_PAGES) {
  await mkdir(new URL('.', file), { recursive: true });
  await writeFile(file, render());
  console.log(`wrote ${fileURLToPath(file)}`);
}
