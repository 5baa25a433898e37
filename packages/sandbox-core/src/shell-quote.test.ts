import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quote } from './shell-quote.ts';

/** What a real shell makes of the line: the words that a program would get. */
function wordsBySh(line: string): string[] {
  const script = `for word in ${line}; do printf '%s\\0' "$word"; done`;
  return execFileSync('/bin/sh', ['-c', script]).toString('utf8').split('\0').slice(0, -1);
}

describe('quote', () => {
  it.each([
    "it's",
    '',
    ' ',
    '-n',
    '--',
    '*',
    '~',
    '$HOME',
    '`id`',
    '$(id)',
    'a\nb',
    '\\',
    '"',
    '!x',
    'ü☃',
    '\r',
    "'''",
  ])('carries %j through a shell', (word) => {
    expect(wordsBySh(quote([word]))).toEqual([word]);
  });

  it('carries any words through a shell', () => {
    const special = fc.constantFrom(
      "'",
      '"',
      '\\',
      '$',
      '`',
      '\n',
      ' ',
      ';',
      '&',
      '|',
      '*',
      '-',
      '#',
      '{',
      '\x7f',
    );
    const word = fc.string({ unit: fc.oneof(special, fc.string({ unit: 'grapheme', maxLength: 1 })) });
    const plain = word.filter((text) => !text.includes('\0'));
    fc.assert(
      fc.property(fc.array(plain, { minLength: 1, maxLength: 40 }), (words) => {
        expect(wordsBySh(quote(words))).toEqual(words);
      }),
      { numRuns: 60 },
    );
  });

  it('makes nothing of nothing', () => {
    expect(quote([])).toBe('');
  });

  it.each(['a\0b', '\ud800', 'x\udc00'])('refuses %j', (word) => {
    expect(() => quote(['echo', word])).toThrow(expect.objectContaining({ code: 'invalid', started: 'no' }));
  });
});
