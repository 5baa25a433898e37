import { expect, test } from 'vitest';
import { decodeCursor, encodeCursor } from './cursor.ts';

test('a cursor is understood only as it was given', () => {
  expect(decodeCursor(encodeCursor('42'), /^\d+$/)).toBe('42');
  for (const wrong of ['', '42', encodeCursor('x'), Buffer.from('c2:42').toString('base64url')]) {
    expect(() => decodeCursor(wrong, /^\d+$/)).toThrow(/cursor/);
  }
});
