import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

/** Prints the URL of every module that importing `door` loads. */
function loadedBy(door: string): readonly string[] {
  const script = `
    import { registerHooks } from 'node:module';
    registerHooks({ load(url, context, next) { console.log(url); return next(url, context); } });
    await import(${JSON.stringify(door)});`;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--conditions=@boxyard/source', '--input-type=module', '--eval', script],
    {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      timeout: 50_000,
      env: { ...process.env, NODE_OPTIONS: '' },
    },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.trim().split('\n');
}

const LOOP = /\/@openai\/agents-core\/dist\/(run|agent|runState)\.m?js$/;

test('importing this package does not load the agent loop', () => {
  const loaded = loadedBy('@boxyard/agents-bridge');
  expect(loaded.some((url) => url.includes('/agents-core/dist/sandbox/internal'))).toBe(true);
  expect(loaded.filter((url) => LOOP.test(url))).toEqual([]);
});

test('the loop would be seen', () => {
  expect(loadedBy('@openai/agents-core/sandbox').filter((url) => LOOP.test(url))).not.toEqual([]);
});
