import { type NewAuditEntry, SandboxError } from '@boxyard/sandbox-core';
import { expect, test } from 'vitest';
import { AuditTrail } from './audit-trail.ts';

const entry = (id: string): NewAuditEntry => ({
  id,
  workspaceId: 'workspace',
  sessionId: null,
  actor: { kind: 'key', id: 'key' },
  action: 'session.create',
  target: null,
  requestId: null,
  outcome: 'done',
  detail: {},
});

/** A record that can be away. */
function stage() {
  const written: string[] = [];
  const troubles: { readonly waiting: number; readonly dropped: number }[] = [];
  const record = { away: false, refuses: false };
  const trail = new AuditTrail({
    log: {
      append: async (entries) => {
        if (record.refuses) throw new SandboxError('invalid', 'The entry is not valid. Correct it.');
        if (record.away) throw new SandboxError('unreachable', 'The database is away. Try again.');
        written.push(...entries.map(({ id }) => id));
      },
      list: async () => [],
      trim: async () => 0,
    },
    onTrouble: (_, trouble) => troubles.push(trouble),
  });
  return { trail, record, written, troubles };
}

test('an entry is written before its act is answered', async () => {
  const { trail, written } = stage();
  await trail.record(entry('a'));
  expect(written).toEqual(['a']);
});

test('what cannot be written waits, holds nobody up, and is written in order once the record is back', async () => {
  const { trail, record, written, troubles } = stage();
  record.away = true;
  await trail.record(entry('a'));
  await trail.record(entry('b'));
  expect(troubles).toEqual([
    { waiting: 1, dropped: 0 },
    { waiting: 2, dropped: 0 },
  ]);
  record.away = false;
  await expect.poll(() => written, { timeout: 30_000 }).toEqual(['a', 'b']);
});

test('an entry that is refused is told and dropped, and holds up no other', async () => {
  const { trail, record, written, troubles } = stage();
  record.refuses = true;
  await trail.record(entry('a'));
  record.refuses = false;
  await trail.record(entry('b'));
  expect(troubles).toEqual([{ waiting: 0, dropped: 1 }]);
  expect(written).toEqual(['b']);
});

test('what waits is written when the server ends; what cannot be is told', async () => {
  const { trail, record, written, troubles } = stage();
  record.away = true;
  await trail.record(entry('a'));
  record.away = false;
  await trail[Symbol.asyncDispose]();
  expect(written).toEqual(['a']);

  const lost = stage();
  lost.record.away = true;
  await lost.trail.record(entry('a'));
  await lost.trail[Symbol.asyncDispose]();
  expect(lost.troubles.at(-1)).toEqual({ waiting: 0, dropped: 1 });
  expect(troubles).toHaveLength(1);
});
