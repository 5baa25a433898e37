// Writes the table of capabilities into the README anew: `pnpm capability-matrix`.
import { readFile, writeFile } from 'node:fs/promises';
import { matrixTable, withMatrix } from './matrix-table.ts';
import { observeBoxes } from './observe-boxes.ts';

const README = new URL('../../../README.md', import.meta.url);

const page = await readFile(README, 'utf8');
await writeFile(README, withMatrix(page, matrixTable(await observeBoxes())));
