import { expect, test } from 'vitest';
import { Id, IdempotencyKey, Uuid, WorkspaceRef, WorkspaceSlug } from './identifiers.ts';

const v4 = '7f0a6c1e-6f0b-4b52-9a53-0c4d2f1a9b10';
const v7 = '0197a3b2-7c44-7d21-8a10-3f5e6b7c8d90';

test('our own ids are UUIDv7; what callers choose may be of another version', () => {
  expect(Id.parse(v7)).toBe(v7);
  expect(Id.safeParse(v4).success).toBe(false);
  expect(Uuid.parse(v4)).toBe(v4);
});

test('an id has one spelling, so that it finds what was stored', () => {
  expect(Uuid.parse(v4.toUpperCase())).toBe(v4);
  expect(Id.parse(v7.toUpperCase())).toBe(v7);
});

test.each(['', 'x', `${v7} `, `{${v7}}`, v7.replaceAll('-', ''), '../etc'])('%j is no id', (text) => {
  expect(Uuid.safeParse(text).success).toBe(false);
});

test.each(['default', 'a', 'team-7', 'x'.repeat(63)])('%s is a workspace slug', (slug) => {
  expect(WorkspaceSlug.parse(slug)).toBe(slug);
});

test.each(['', '-a', 'a-', 'A', 'a_b', 'ü', 'a/b', 'x'.repeat(64), v7])('%j is no workspace slug', (slug) => {
  expect(WorkspaceSlug.safeParse(slug).success).toBe(false);
});

test('a workspace is named by its id or its slug', () => {
  expect(WorkspaceRef.parse('default')).toBe('default');
  expect(WorkspaceRef.parse(v7.toUpperCase())).toBe(v7);
  expect(WorkspaceRef.safeParse('Not A Slug').success).toBe(false);
});

test('an idempotency key is one printable word', () => {
  expect(IdempotencyKey.parse('retry-1')).toBe('retry-1');
  for (const text of ['', 'a b', 'a\n', 'é', 'x'.repeat(256)]) {
    expect(IdempotencyKey.safeParse(text).success).toBe(false);
  }
});
