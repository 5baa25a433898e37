import { writeFile } from 'node:fs/promises';
import { needs } from '@tooling/system-parts';
import { describe, expect, test } from 'vitest';
import { X11Desktop } from '../src/index.ts';
import { cuttingDisplay } from './cutting-display.ts';
import { openDesktop, openWindow, PLACE, startXServer } from './open-desktop.ts';

describe('an X server that is not there, or not for everybody', needs('xvfb'), () => {
  test('is opened with its cookie only', async () => {
    await using server = await startXServer({ cookie: true });
    await using known = openDesktop(server);
    expect(await known.look()).toMatchObject({ available: true });
    await using stranger = openDesktop(server, { authorityFile: '/nowhere' });
    expect(await stranger.look()).toEqual({
      available: false,
      reason: expect.stringMatching(/no cookie for it in \/nowhere/),
    });
    // A file that breaks off in the middle is read as far as it goes.
    const authorityFile = `${server.authorityFile}.broken`;
    await writeFile(authorityFile, Buffer.from([255, 255, 0, 0, 0]));
    await using broken = openDesktop(server, { authorityFile });
    expect(await broken.look()).toMatchObject({ available: false });
  });

  test('is lost in the middle: a picture is unreachable, input unknown; and it is found when it is back', async () => {
    await using server = await startXServer();
    await using desktop = openDesktop(server);
    for (const [ask, code] of [
      [() => desktop.screenshot(), 'unreachable'],
      [() => desktop.click({ x: 1, y: 1 }), 'outcome-unknown'],
      [() => desktop.type('a'), 'outcome-unknown'],
    ] as const) {
      expect(await desktop.look()).toMatchObject({ available: true });
      server.freeze();
      const asked = expect(ask()).rejects.toMatchObject({ code });
      await server.kill();
      await asked;
      await expect(ask()).rejects.toMatchObject({ code: 'unsupported', started: 'no' });
      expect(await desktop.look()).toMatchObject({ available: false });
      await server.start();
    }
    await desktop.type('a');
  });

  test('is cut off: what was held down is let go of as soon as it is reached again', async () => {
    await using server = await startXServer();
    await using window = await openWindow(server);
    await using between = await cuttingDisplay(server.display);
    await using desktop = openDesktop({ ...server, display: between.display });
    const place = { x: PLACE.x + 5, y: PLACE.y + 5 };
    await desktop.holdKeys('ctrl');
    await desktop.holdButton(place);
    between.cut();
    // It may find out by this only.
    await desktop.look();
    await desktop.type('b');
    const done = () => window.inputs.flatMap(({ kind }) => (kind === 'move' ? [] : [kind]));
    await expect
      .poll(done, { timeout: 30_000 })
      .toEqual(['key-down', 'button-down', 'button-up', 'key-up', 'key-down', 'key-up']);
  });

  test('takes no input from programs: it can be looked at', async () => {
    await using server = await startXServer({ arguments: ['-extension', 'XTEST'] });
    await using desktop = openDesktop(server);
    expect(await desktop.look()).toMatchObject({ available: true, use: { takesInput: false } });
    expect(await desktop.screenshot()).toMatchObject({ width: 800 });
    await expect(desktop.click({ x: 1, y: 1 })).rejects.toMatchObject({ code: 'unsupported', started: 'no' });
    await expect(desktop.type('a')).rejects.toMatchObject({ code: 'unsupported', started: 'no' });
  });

  test('says nothing: it is given up, and its next caller opens it anew', async () => {
    await using server = await startXServer();
    await using desktop = openDesktop(server, { answerMs: 300 });
    await using patient = openDesktop(server);
    expect(await patient.look()).toMatchObject({ available: true });
    server.freeze();
    expect(await desktop.look()).toMatchObject({ available: false });
    await expect(desktop.type('a')).rejects.toMatchObject({ code: 'unsupported' });
    const late = patient.screenshot({ deadlineMs: 100 });
    await expect(late).rejects.toMatchObject({ code: 'timeout' });
    const given = new AbortController();
    const cancelled = expect(patient.click({ x: 1, y: 1 }, {}, { signal: given.signal })).rejects;
    given.abort();
    await cancelled.toMatchObject({ code: 'cancelled' });
    server.thaw();
    expect(await patient.screenshot()).toMatchObject({ width: 800 });
  });
});

test('a display that nobody serves, or that is elsewhere, is unavailable with the reason', async () => {
  const authorityFile = '/nowhere';
  for (const [display, reason] of [
    [':59999', /:59999 cannot be opened.*ENOENT/],
    ['localhost:10.0', /no X display of this machine/],
    ['desk.example:0', /no X display of this machine/],
    ['', /no X display of this machine/],
  ] as const) {
    await using desktop = new X11Desktop({ display, authorityFile });
    expect(await desktop.look()).toEqual({ available: false, reason: expect.stringMatching(reason) });
    await expect(desktop.screenshot()).rejects.toMatchObject({ code: 'unsupported' });
  }
  const closed = new X11Desktop({ display: ':59999', authorityFile });
  await closed.close();
  await expect(closed.look()).rejects.toMatchObject({ code: 'closed' });
});
