import { expect, test } from 'vitest';
import { keysymOfCharacter, keysymsOfChord } from './key-names.ts';

test('a character has the keysym of Latin-1, or that of its code point', () => {
  expect(['a', 'ä', '\n', '\t', 'ж', '€', '😀'].map(keysymOfCharacter)).toEqual([
    ...[0x61, 0xe4, 0xff0d, 0xff09],
    ...[0x0100_0436, 0x0100_20ac, 0x0101_f600],
  ]);
  for (const character of ['\u0000', '\u007f', '\u0085', '\ud800']) {
    expect(() => keysymOfCharacter(character)).toThrow('No key writes the character U+');
  }
});

test('keys have the names of X, those of browsers in any case, and their characters', () => {
  expect(keysymsOfChord('Return')).toEqual(keysymsOfChord('ENTER'));
  expect(keysymsOfChord('ArrowLeft')).toEqual(keysymsOfChord('Left'));
  expect(keysymsOfChord('F12')).toEqual(keysymsOfChord('f12'));
  expect(keysymsOfChord('A')).toEqual([0x41]);
  expect(keysymsOfChord('CTRL+C')).toEqual([0xffe3, 0x63]);
  expect(keysymsOfChord('ctrl++')).toEqual([0xffe3, 0x2b]);
  expect(keysymsOfChord('+')).toEqual([0x2b]);
  expect(keysymsOfChord('ctrl+shift+Tab')).toEqual([0xffe3, 0xffe1, 0xff09]);
  for (const none of ['', 'nokey', 'ctrl+nokey']) expect(() => keysymsOfChord(none)).toThrow(/[Nn]o key/);
});
