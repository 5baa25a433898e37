import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runSnippet } from './run-snippet.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(import.meta.dirname, '../.fixture-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Late enough that only a snippet that hangs sees it. */
const ample = () => AbortSignal.timeout(50_000);

/** A killed process that nobody has collected yet is dead too. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

test('a good snippet ends with 0 and leaves no file behind', async () => {
  const run = await runSnippet(folder, "import assert from 'node:assert';\nassert.equal(1, 1);\n", ample());
  expect(run).toEqual({ exitCode: 0, signal: null, output: '' });
  expect(readdirSync(folder)).toEqual([]);
});

test('a broken snippet fails and shows why', async () => {
  const run = await runSnippet(folder, "import assert from 'node:assert';\nassert.equal(1, 2);\n", ample());
  expect(run.exitCode).not.toBe(0);
  expect(run.output).toContain('AssertionError');
  expect(readdirSync(folder)).toEqual([]);
});

test('a snippet that hangs is killed with everything that it started', async () => {
  const snippet = `
    import { spawn } from 'node:child_process';
    import { renameSync, writeFileSync } from 'node:fs';
    const child = spawn('sleep', ['600'], { stdio: 'inherit' });
    console.log('hanging');
    writeFileSync('pid.new', String(child.pid));
    renameSync('pid.new', 'pid');
    setInterval(() => {}, 1000);
  `;
  const stop = new AbortController();
  const running = runSnippet(folder, snippet, stop.signal);
  await expect.poll(() => existsSync(join(folder, 'pid')), { timeout: 30_000 }).toBe(true);
  const sleeper = Number(readFileSync(join(folder, 'pid'), 'utf8'));
  expect(isAlive(sleeper)).toBe(true);

  stop.abort();
  const run = await running;
  expect(run.signal).toBe('SIGKILL');
  expect(run.output).toBe('hanging\n\nThe snippet did not end in time and was killed.');
  await expect.poll(() => isAlive(sleeper), { timeout: 30_000 }).toBe(false);
});
