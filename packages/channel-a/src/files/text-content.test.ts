import { describe, expect, it } from 'vitest';
import { decodeText, encodeContent, endOfWholeCharacters, looksBinary } from './text-content.ts';

const text = (value: string) => new TextEncoder().encode(value);

describe('decodeText', () => {
  it('answers text as text and everything else as base64', () => {
    expect(decodeText(text('grün'), 'utf8', { atEnd: true })).toEqual({
      content: 'grün',
      encoding: 'utf8',
      sizeBytes: 5,
    });
    expect(decodeText(text('grün'), 'base64', { atEnd: true }).encoding).toBe('base64');
    expect(decodeText(text('a\0b'), 'utf8', { atEnd: true })).toMatchObject({
      encoding: 'base64',
      sizeBytes: 3,
    });
    const latin1 = Uint8Array.of(0x67, 0xfc, 0x6e);
    expect(decodeText(latin1, 'utf8', { atEnd: true })).toEqual({
      content: Buffer.from(latin1).toString('base64'),
      encoding: 'base64',
      sizeBytes: 3,
    });
  });

  it('cuts a part between characters, wherever its bytes end', () => {
    const bytes = text('aü€𝄞z');
    for (let length = 1; length <= bytes.length; length += 1) {
      const part = decodeText(bytes.subarray(0, length), 'utf8', { atEnd: length === bytes.length });
      expect(part.encoding).toBe('utf8');
      expect(Buffer.byteLength(part.content)).toBe(part.sizeBytes);
      expect('aü€𝄞z'.startsWith(part.content)).toBe(true);
    }
  });

  it('makes progress with a part that is shorter than its first character', () => {
    const part = decodeText(text('€').subarray(0, 2), 'utf8', { atEnd: false });
    expect(part).toMatchObject({ encoding: 'base64', sizeBytes: 2 });
  });

  it('takes a character that the file itself cuts for no text', () => {
    expect(decodeText(text('a€').subarray(0, 3), 'utf8', { atEnd: true }).encoding).toBe('base64');
  });

  it('keeps a byte order mark', () => {
    expect(decodeText(text('\uFEFFx'), 'utf8', { atEnd: true }).content).toBe('\uFEFFx');
  });
});

describe('looksBinary', () => {
  it('looks for NUL in the first 8 KiB only', () => {
    const bytes = new Uint8Array(8193).fill(97);
    bytes[8192] = 0;
    expect(looksBinary(bytes)).toBe(false);
    bytes[8191] = 0;
    expect(looksBinary(bytes)).toBe(true);
  });
});

describe('encodeContent', () => {
  it('gives the bytes that were meant', () => {
    expect(Buffer.from(encodeContent('ü', 'utf8')).toString('hex')).toBe('c3bc');
    expect(Buffer.from(encodeContent('AAH/', 'base64')).toString('hex')).toBe('0001ff');
  });

  it.each([
    ['abc', 'base64'],
    ['AAH_', 'base64'],
    ['%%%%', 'base64'],
    ['a\uD800', 'utf8'],
  ] as const)('refuses %j as %s instead of guessing', (content, encoding) => {
    expect(() => encodeContent(content, encoding)).toThrow(expect.objectContaining({ code: 'invalid' }));
  });
});

describe('endOfWholeCharacters', () => {
  it('leaves what is no UTF-8 as it is', () => {
    expect(endOfWholeCharacters(Uint8Array.of(0x80, 0x80, 0x80, 0x80))).toBe(4);
    expect(endOfWholeCharacters(Uint8Array.of())).toBe(0);
  });
});
