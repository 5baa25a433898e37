import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRedactor, REDACTED } from './redactor.ts';
import { MIN_SECRET_LENGTH } from './secret-forms.ts';

const secret = 'hunter2/+"€ pass';
const redactor = createRedactor([secret]);

function inPieces(text: string, sizes: readonly number[], secrets: readonly string[]): string {
  const stream = createRedactor(secrets).stream();
  let out = '';
  let position = 0;
  for (let turn = 0; position < text.length; turn += 1) {
    const size = sizes[turn % sizes.length]!;
    out += stream.write(text.slice(position, position + size));
    position += size;
  }
  return out + stream.end();
}

test('a secret is taken out and the text around it stays', () => {
  expect(redactor.redact(`a ${secret} b ${secret}`)).toBe(`a ${REDACTED} b ${REDACTED}`);
});

const base64 = (text: string) => Buffer.from(text).toString('base64');

test.each([
  ['base64', base64(secret)],
  ['base64 for addresses', Buffer.from(secret).toString('base64url')],
  ['a header of user and password', base64(`ada:${secret}`)],
  ['the same with another user', base64(`grace:${secret}`)],
  ['the same with a third', base64(`x:${secret}`)],
  ['an address', encodeURIComponent(secret)],
  ['an address in lower case', encodeURIComponent(secret).replace(/%../g, (code) => code.toLowerCase())],
  ['a form', new URLSearchParams([['k', secret]]).toString()],
  ['JSON', JSON.stringify({ key: secret })],
])('it is found as %s', (_, text) => {
  // Around it only what was put there, and the characters that base64 shares between neighbours.
  expect(redactor.redact(`before ${text} after`)).toMatch(/^before \S{0,9}\[redacted\]\S{0,4} after$/);
});

test('a key of several lines is found line by line, and in wrapped base64', () => {
  const key = Array.from({ length: 5 }, (_, line) => `line-${line}-${'abcdefgh'.repeat(7)}`).join('\n');
  const { redact } = createRedactor([key]);
  const indented = key.split('\n').map((line) => `> ${line}`);
  expect(redact(indented.join('\n'))).toBe(Array(5).fill(`> ${REDACTED}`).join('\n'));
  for (const width of [76, 64]) {
    const lines = base64(key).match(new RegExp(`.{1,${width}}`, 'g'))!;
    expect(redact(lines.join('\n'))).toBe(Array(lines.length).fill(REDACTED).join('\n'));
  }
});

test('what is too short to be told from ordinary text is left', () => {
  const short = 'x'.repeat(MIN_SECRET_LENGTH - 1);
  const { redact } = createRedactor([short, '', 'true']);
  expect(redact(`${short} is true`)).toBe(`${short} is true`);
  const enough = 'y'.repeat(MIN_SECRET_LENGTH);
  expect(createRedactor([enough]).redact(`<${enough}>`)).toBe(`<${REDACTED}>`);
});

test('secrets that overlap or hold one another leave nothing of either', () => {
  const { redact } = createRedactor(['abcdefgh', 'efghijkl', 'cdefgh']);
  expect(redact('1abcdefghijkl2')).toBe(`1${REDACTED}2`);
  expect(redact('1cdefgh2')).toBe(`1${REDACTED}2`);
  expect(redact('abcdefabcdefgh')).toBe(`abcdef${REDACTED}`);
});

test('a secret inside what might have become a longer one is still taken out', () => {
  const secrets = ['outer-begin inner-secret outer-end', 'inner-secret'];
  for (const sizes of [[1], [20], [100]]) {
    expect(inPieces('outer-begin inner-secret other', sizes, secrets)).toBe(`outer-begin ${REDACTED} other`);
    expect(inPieces(`x${secrets[0]}y`, sizes, secrets)).toBe(`x${REDACTED}y`);
  }
});

test('cut at any place, the secret never shows', () => {
  const text = `head ${secret} tail`;
  for (let cut = 0; cut <= text.length; cut += 1) {
    const stream = redactor.stream();
    const out = [stream.write(text.slice(0, cut)), stream.write(text.slice(cut)), stream.end()];
    expect(out.join('')).toBe(`head ${REDACTED} tail`);
  }
});

test('only what may become a secret is held back', () => {
  const stream = createRedactor(['secret-1']).stream();
  expect(stream.write('ready\nsec')).toBe('ready\n');
  expect(stream.write('ond\n')).toBe('second\n');
  expect(stream.write('secret')).toBe('');
  expect(stream.end()).toBe('secret');
  expect(stream.write('-1')).toBe('-1');
  expect(stream.end()).toBe('');
});

const letters = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 6, maxLength: 9 });

test('however it is cut, the outcome is that of the whole text', () => {
  fc.assert(
    fc.property(
      fc.array(letters, { minLength: 1, maxLength: 4 }),
      fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 80 }),
      fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 }),
      (secrets, text, sizes) => {
        expect(inPieces(text, sizes, secrets)).toBe(createRedactor(secrets).redact(text));
      },
    ),
    { numRuns: 500 },
  );
});

test('exactly what some secret covers is replaced: a plain search agrees', () => {
  fc.assert(
    fc.property(
      fc.array(letters, { minLength: 1, maxLength: 4 }),
      fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 80 }),
      (secrets, text) => {
        const hidden = Array<boolean>(text.length).fill(false);
        for (const one of secrets) {
          for (let at = text.indexOf(one); at !== -1; at = text.indexOf(one, at + 1)) {
            hidden.fill(true, at, at + one.length);
          }
        }
        const expected = [...text].map((unit, index) => (hidden[index] ? '*' : unit)).join('');
        expect(createRedactor(secrets).redact(text)).toBe(expected.replace(/\*+/g, REDACTED));
      },
    ),
    { numRuns: 500 },
  );
});

test('without secrets the text is untouched', () => {
  const { redact, stream } = createRedactor([]);
  expect(redact('anything')).toBe('anything');
  expect(stream().write('anything')).toBe('anything');
});
