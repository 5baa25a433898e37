import { needs } from '@tooling/system-parts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDesktop, openWindow, startXServer, type TestXServer } from './open-desktop.ts';

const [CONTROL, SHIFT, ALT, RETURN, F5] = [0xffe3, 0xffe1, 0xffe9, 0xff0d, 0xffc2];
/** Nothing is given back while a test looks. */
const loanMs = 600_000;

describe('the keyboard', needs('xvfb'), () => {
  let server: TestXServer;
  beforeAll(async () => {
    server = await startXServer();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test('types what is on its keys, and what is on none, and is as it was afterwards', async () => {
    await using window = await openWindow(server);
    const before = await window.keymap();
    const desktop = openDesktop(server, { loanMs });
    const text = 'Hello, World! {1+2} ~ äß\nжЖ 日本語 € 😀';
    await desktop.type(text);
    await expect.poll(window.typed, { timeout: 30_000 }).toBe(text);
    expect(await window.keymap()).not.toEqual(before);
    await desktop.close();
    expect(await window.keymap()).toEqual(before);
  });

  test('writes capitals as capitals while Caps Lock is on', async () => {
    await using window = await openWindow(server);
    await using desktop = openDesktop(server);
    await desktop.pressKeys('CapsLock');
    await desktop.type('aB1!');
    await desktop.pressKeys('CapsLock');
    await desktop.type('aB');
    await expect.poll(window.typed, { timeout: 30_000 }).toBe('aB1!aB');
  });

  test('gives lent keys back when nobody has typed for a while', async () => {
    await using window = await openWindow(server);
    const before = await window.keymap();
    await using desktop = openDesktop(server, { loanMs: 1 });
    await desktop.type('ж');
    await expect.poll(window.keymap, { timeout: 30_000 }).toEqual(before);
  });

  test('types more different characters than it has keys to lend', async () => {
    await using window = await openWindow(server);
    const before = await window.keymap();
    const desktop = openDesktop(server, { loanMs });
    const length = before.filter((row) => row.every((keysym) => keysym === 0)).length + 5;
    const many = Array.from({ length }, (_, index) => String.fromCodePoint(0x4e00 + index)).join('');
    await desktop.type(many);
    const pressed = () => window.inputs.filter(({ kind }) => kind === 'key-down').length;
    await expect.poll(pressed, { timeout: 30_000 }).toBe(length);
    await desktop.close();
    expect(await window.keymap()).toEqual(before);
  });

  test('presses chords, by the names of X and of browsers, and leaves none of their keys down', async () => {
    await using window = await openWindow(server);
    await using desktop = openDesktop(server);
    await desktop.pressKeys('ctrl+shift+A');
    await desktop.pressKeys('Enter');
    await desktop.pressKeys('Alt_L+f5');
    await desktop.pressKeys('+');
    const keys = () =>
      window.inputs.flatMap((input) => ('keysym' in input ? [[input.kind, input.keysym] as const] : []));
    const up = (keysym: number) => ['key-up', keysym] as const;
    const down = (keysym: number) => ['key-down', keysym] as const;
    const [plus, capital] = [0x2b, 0x41];
    await expect
      .poll(keys, { timeout: 30_000 })
      .toEqual([
        ...[down(CONTROL), down(SHIFT), down(capital), up(capital), up(SHIFT), up(CONTROL)],
        ...[down(RETURN), up(RETURN), down(ALT), down(F5), up(F5), up(ALT)],
        ...[down(SHIFT), down(plus), up(plus), up(SHIFT)],
      ]);
  });

  test('holds keys until they are released, or the screen is let go of', async () => {
    await using window = await openWindow(server);
    const desktop = openDesktop(server);
    await desktop.holdKeys('ctrl');
    await desktop.type('a');
    await desktop.releaseKeys('ctrl');
    await desktop.holdKeys('ctrl+alt');
    await desktop.close();
    const kinds = () => window.inputs.flatMap((input) => ('keysym' in input ? [input.kind] : []));
    const [down, up] = ['key-down', 'key-up'] as const;
    await expect.poll(kinds, { timeout: 30_000 }).toEqual([down, down, up, up, down, down, up, up]);
  });

  test('refuses what no key is or writes, before it touches anything', async () => {
    await using window = await openWindow(server);
    await using desktop = openDesktop(server);
    await expect(desktop.pressKeys('ctrl+nokey')).rejects.toMatchObject({ code: 'invalid', started: 'no' });
    await expect(desktop.pressKeys('')).rejects.toMatchObject({ code: 'invalid' });
    await expect(desktop.type('a\u0000b')).rejects.toMatchObject({ code: 'invalid', started: 'no' });
    await expect(desktop.type('x'.repeat(10_001))).rejects.toMatchObject({ code: 'too-large' });
    await desktop.type('z');
    await expect.poll(window.typed, { timeout: 30_000 }).toBe('z');
  });
});
