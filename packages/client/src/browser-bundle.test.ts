import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { expect, test } from 'vitest';

test('the client needs nothing of Node: it bundles for a browser as it is', async () => {
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      minify: false,
      lib: { entry: fileURLToPath(new URL('./index.ts', import.meta.url)), formats: ['es'] },
    },
  });
  const [result] = [built].flat();
  if (result === undefined || !('output' in result)) throw new Error('vite made nothing.');
  const code = result.output.map((chunk) => ('code' in chunk ? chunk.code : '')).join('\n');
  expect(code).toContain('/v1/workspaces/{ws}/sessions');
  // Also what vite puts in the place of a module of Node.
  expect(code).not.toMatch(/\bnode:|__vite-browser-external|\bBuffer\b|\brequire\(|\bprocess\.\w/);
  expect(result.output.every((chunk) => chunk.type !== 'chunk' || chunk.imports.length === 0)).toBe(true);
});
