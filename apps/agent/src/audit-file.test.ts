import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AuditFile } from './audit-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-audit-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const entry = (subject: string) => ({
  at: new Date(0),
  requestId: 'r',
  scope: 's',
  op: 'exec',
  subject,
  outcome: 'done' as const,
  code: '',
});

test('what was asked is there line by line, for the owner alone, also after a restart', async () => {
  const file = join(folder, 'audit.jsonl');
  for (const subject of ['one', 'two\nlines']) {
    const audit = new AuditFile(file);
    audit.write(entry(subject));
    audit.close();
  }
  const lines = (await readFile(file, 'utf8')).trim().split('\n');
  expect(lines.map((line) => JSON.parse(line).subject)).toEqual(['one', 'two\nlines']);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test('a log that grows is turned over once, so that it never fills the disk', async () => {
  const file = join(folder, 'audit.jsonl');
  const audit = new AuditFile(file);
  const mebibyte = 'x'.repeat(1024 * 1024);
  for (let round = 0; round < 25; round++) audit.write(entry(mebibyte));
  audit.close();
  expect((await stat(file)).size).toBeLessThanOrEqual(10 * 1024 * 1024);
  expect((await stat(`${file}.1`)).size).toBeLessThanOrEqual(10 * 1024 * 1024);
});
