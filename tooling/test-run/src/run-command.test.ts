import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runCommand } from './run-command.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'run-command-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const shell = (script: string, deadlineMs = 50_000) =>
  runCommand({ command: '/bin/sh', args: ['-c', script], cwd: folder, env: process.env, deadlineMs });

test('the exit code is passed on, and a command that a signal ended is a failure', async () => {
  expect(await shell('exit 0')).toBe(0);
  expect(await shell('exit 7')).toBe(7);
  expect(await shell('kill -9 $$')).toBe(1);
});

test('a command that is not there is a failure and not an exception', async () => {
  const command = join(folder, 'nothing');
  expect(await runCommand({ command, args: [], cwd: folder, env: process.env, deadlineMs: 50_000 })).toBe(1);
});

test('a command without stdin sees its end at once', async () => {
  expect(await shell('cat >input; exit 3')).toBe(3);
  expect(readFileSync(join(folder, 'input'), 'utf8')).toBe('');
});

test('a command that hangs is stopped at its deadline', async () => {
  expect(await shell('exec sleep 600', 100)).toBe(1);
});
