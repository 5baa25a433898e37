import { expect, test } from 'vitest';
import { Environment } from './environment.ts';
import { Metadata } from './metadata.ts';

test.each(['__proto__', 'constructor', 'prototype'])('the key %s is refused, not dropped', (key) => {
  const body: unknown = JSON.parse(`{"${key}": "x", "fine": "y"}`);
  for (const schema of [Metadata, Environment]) {
    const result = schema.safeParse(body);
    expect(result.success).toBe(false);
    expect(result.error?.issues[0]).toMatchObject({
      path: [key],
      message: expect.stringMatching(/reserved/),
    });
  }
});

test('metadata has at most 64 entries of plain keys', () => {
  const entries = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`key-${index}`, 'v']));
  expect(Metadata.parse(entries(64))).toEqual(entries(64));
  expect(Metadata.safeParse(entries(65)).success).toBe(false);
  expect(Metadata.parse({ 'A.b_c-1': '' })).toEqual({ 'A.b_c-1': '' });
  for (const key of ['', 'a b', 'ü', 'a/b', 'x'.repeat(65)]) {
    expect(Metadata.safeParse({ [key]: 'v' }).success, key).toBe(false);
  }
});

test('metadata values are strings', () => {
  for (const value of [1, true, null, ['a'], { a: 'b' }, 'x'.repeat(1025)]) {
    expect(Metadata.safeParse({ key: value }).success).toBe(false);
  }
  for (const body of [null, 'text', 7, ['a']]) expect(Metadata.safeParse(body).success).toBe(false);
});

test('environment names are shell names and BOXYARD_* is ours', () => {
  expect(Environment.parse({ PATH: '/bin', _x1: '', boxyard: 'fine' })).toEqual({
    PATH: '/bin',
    _x1: '',
    boxyard: 'fine',
  });
  for (const name of ['1A', 'A-B', 'A B', '', 'A=B', 'Ä', 'BOXYARD_TOKEN', 'BOXYARD_']) {
    expect(Environment.safeParse({ [name]: 'v' }).success, name).toBe(false);
  }
});

test('an environment value cannot hold NUL, which no process could receive', () => {
  expect(Environment.safeParse({ A: 'x\0y' }).success).toBe(false);
  expect(Environment.parse({ A: 'line\nline' })).toEqual({ A: 'line\nline' });
});

test('an environment fits into the start of a process', () => {
  const large = 'x'.repeat(32_768);
  expect(Environment.safeParse({ A: large }).success).toBe(true);
  expect(Environment.safeParse({ A: `${large}x` }).success).toBe(false);
  expect(Environment.safeParse({ A: large, B: large, C: large, D: large }).success).toBe(false);
});
