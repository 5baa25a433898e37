import { needs } from '@tooling/system-parts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WindowInput } from '../src/testing/index.ts';
import { openDesktop, openWindow, PLACE, startXServer, type TestXServer } from './open-desktop.ts';

const buttons = (inputs: readonly WindowInput[]) =>
  inputs.flatMap((input) => ('button' in input ? [`${input.kind} ${input.button}`] : []));
const clicks = (button: number, times: number) =>
  Array.from({ length: times }, () => [`button-down ${button}`, `button-up ${button}`]).flat();

describe('the pointer', needs('xvfb'), () => {
  let server: TestXServer;
  beforeAll(async () => {
    server = await startXServer();
  });
  afterAll(() => server[Symbol.asyncDispose]());
  const place = { x: PLACE.x + 30, y: PLACE.y + 40 };

  test('moves, and clicks with each of its buttons where it was asked to', async () => {
    await using window = await openWindow(server);
    await using desktop = openDesktop(server);
    await desktop.click(place);
    await desktop.click(place, { button: 'right' });
    await desktop.click(place, { button: 'middle', times: 2 });
    const expected = [...clicks(1, 1), ...clicks(3, 1), ...clicks(2, 2)];
    await expect.poll(() => buttons(window.inputs), { timeout: 30_000 }).toEqual(expected);
    expect(window.inputs).toContainEqual({ kind: 'button-down', button: 1, ...place });
  });

  test('drags: a button stays down until it is released, or the screen is let go of', async () => {
    await using window = await openWindow(server);
    const desktop = openDesktop(server);
    const to = { x: place.x + 50, y: place.y + 60 };
    await desktop.holdButton(place);
    await desktop.movePointer(to);
    await desktop.releaseButton(to);
    const drag = [
      { kind: 'button-down', button: 1, ...place },
      { kind: 'move', ...to },
      // A button is released where it was said.
      { kind: 'move', ...to },
      { kind: 'button-up', button: 1, ...to },
    ];
    const seen = () => window.inputs.slice(window.inputs.findIndex(({ kind }) => kind === 'button-down'));
    await expect.poll(seen, { timeout: 30_000 }).toEqual(drag);
    await desktop.holdButton(place, 'right');
    await desktop.close();
    await expect.poll(() => buttons(window.inputs).slice(2), { timeout: 30_000 }).toEqual(clicks(3, 1));
  });

  test('scrolls by notches of the wheel, in every direction', async () => {
    await using window = await openWindow(server);
    await using desktop = openDesktop(server);
    await desktop.scroll(place, { deltaY: 300 });
    await desktop.scroll(place, { deltaY: -10 });
    await desktop.scroll(place, { deltaX: -100_000 });
    await desktop.scroll(place, { deltaX: 160 });
    const expected = [...clicks(5, 3), ...clicks(4, 1), ...clicks(6, 15), ...clicks(7, 2)];
    await expect.poll(() => buttons(window.inputs), { timeout: 30_000 }).toEqual(expected);
  });

  test('goes nowhere beside the screen', async () => {
    await using desktop = openDesktop(server);
    for (const beside of [
      { x: 800, y: 0 },
      { x: 0, y: 600 },
      { x: -1, y: 0 },
      { x: 1.5, y: 0 },
    ]) {
      await expect(desktop.click(beside)).rejects.toMatchObject({ code: 'invalid', started: 'no' });
    }
  });
});
