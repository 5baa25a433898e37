import { expect, test } from 'vitest';
import { EndMark } from './end-mark.ts';

const WORD = 'abab0123';

function cut(text: string, at: readonly number[]): { readonly output: string; readonly codes: number[] } {
  const parts: Uint8Array[] = [];
  const codes: number[] = [];
  const mark = new EndMark(
    WORD,
    (bytes) => parts.push(Uint8Array.from(bytes)),
    (code) => codes.push(code),
  );
  const bytes = Buffer.from(text);
  let from = 0;
  for (const to of [...at, bytes.length]) {
    mark.push(bytes.subarray(from, to));
    from = to;
  }
  mark.flush();
  return { output: Buffer.concat(parts).toString(), codes };
}

test('the mark is cut out and its code told, wherever the stream is split, and what stands around it goes on', () => {
  const text = `ab\n${WORD} 7\nan orphan's words`;
  for (let one = 0; one <= text.length; one++) {
    for (let two = one; two <= text.length; two++)
      expect(cut(text, [one, two])).toEqual({ output: "ab\nan orphan's words", codes: [7] });
  }
});

test('what only begins like the mark is output, also at the end', () => {
  for (const text of ['', 'a', 'abab', 'ababab0123', `${WORD}`, `${WORD}x 1\n`, `x${WORD.slice(0, -1)} 1\n`])
    for (let at = 0; at <= text.length; at++) expect(cut(text, [at])).toEqual({ output: text, codes: [] });
});

test('a second mark is output', () => {
  expect(cut(`${WORD} 0\n${WORD} 1\n`, [])).toEqual({ output: `${WORD} 1\n`, codes: [0] });
});
