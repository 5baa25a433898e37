import { resolve } from 'node:path';
import { readWorkspace, typescriptBlocks } from '@tooling/package-shape';
import { afterAll, expect, test } from 'vitest';
import { runSnippet } from './run-snippet.ts';
import { SnippetServer } from './snippet-server.ts';

const root = resolve(import.meta.dirname, '../../..');
const SNIPPET_LIMIT_MS = 60_000;

/** Their snippets talk to a server, as BOXYARD_URL and BOXYARD_TOKEN name it to every user. */
const NEED_A_SERVER = new Set(['client']);
const server = new SnippetServer();
afterAll(() => server.stop());

const packages = readWorkspace(root).filter(({ kind }) => kind === 'package');

test.each(packages.map(({ folder, files }) => [folder, files.get('README.md')] as const))(
  'the snippet of %s runs',
  { timeout: SNIPPET_LIMIT_MS + 30_000 },
  async (folder, readme) => {
    const [snippet, ...others] = typescriptBlocks(readme ?? '');
    expect(others).toEqual([]);
    if (snippet === undefined) throw new Error(`packages/${folder}/README.md has no ts block: add one.`);

    const { exitCode, signal, output } = await runSnippet(
      resolve(root, 'packages', folder),
      snippet,
      AbortSignal.timeout(SNIPPET_LIMIT_MS),
      NEED_A_SERVER.has(folder) ? await server.start() : {},
    );
    expect({ exitCode, signal }, output).toEqual({ exitCode: 0, signal: null });
  },
);
