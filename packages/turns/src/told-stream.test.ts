import { createRedactor } from '@boxyard/sandbox-core';
import { expect, test } from 'vitest';
import { ToldStream } from './told-stream.ts';

function told(mostLength?: number, redactors = [createRedactor(['first-secret'])]) {
  const texts: { text: string; elided: boolean }[] = [];
  const stream = new ToldStream({
    redactors: () => redactors,
    tell: (text, elided) => texts.push({ text, elided }),
    ...(mostLength === undefined ? {} : { mostLength }),
  });
  return { stream, texts, redactors, all: () => texts.map(({ text }) => text).join('') };
}

test('a secret that comes in pieces is hidden, and what looked like one is told in the end', () => {
  const { stream, all } = told();
  for (const piece of ['a first', '-sec', 'ret b fir', 'st']) stream.push(piece);
  stream.end();
  expect(all()).toBe('a [redacted] b first');
});

test('a secret that is new while the text goes on is hidden from then on', () => {
  const { stream, all, redactors } = told();
  stream.push('x'.repeat(20_000));
  redactors.push(createRedactor(['second-secret']));
  stream.push('second-secret and first-secret');
  stream.end();
  expect(all()).toBe(`${'x'.repeat(20_000)}[redacted] and [redacted]`);
});

test('what is beyond the bound is left out and said to be, once, also when it ends within a secret', () => {
  const { stream, texts, all } = told(10);
  stream.push('0123456');
  stream.push('first-secr');
  stream.end();
  stream.push('more');
  stream.end();
  expect(all()).toBe('0123456fir');
  expect(texts.map(({ elided }) => elided)).toEqual([true]);
});

test('a text of exactly the bound is whole', () => {
  const { stream, texts } = told(4);
  stream.push('abcd');
  stream.end();
  stream.end();
  expect(texts).toEqual([{ text: 'abcd', elided: false }]);
});
