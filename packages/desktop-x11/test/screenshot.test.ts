import { needs } from '@tooling/system-parts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  COLOR,
  openDesktop,
  openWindow,
  PLACE,
  pixelsOf,
  startXServer,
  type TestXServer,
} from './open-desktop.ts';

describe('pictures of a screen', needs('xvfb'), () => {
  let server: TestXServer;
  beforeAll(async () => {
    server = await startXServer();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test('show what is drawn, without the pointer', async () => {
    await using _window = await openWindow(server);
    await using desktop = openDesktop(server);
    expect(await desktop.look()).toEqual({
      available: true,
      use: { display: server.display, width: 800, height: 600, takesInput: true },
    });
    const inside = { x: PLACE.x + 20, y: PLACE.y + 20 };
    await desktop.movePointer(inside);
    const shot = await desktop.screenshot();
    expect(shot).toMatchObject({ width: 800, height: 600, nativeWidth: 800, nativeHeight: 600 });
    const { width, height, at } = pixelsOf(shot.png);
    expect([width, height]).toEqual([800, 600]);
    for (let y = 0; y < 3; y++)
      for (let x = 0; x < 3; x++) expect(at(inside.x + x, inside.y + y)).toBe(COLOR);
    expect(at(PLACE.x, PLACE.y)).toBe(COLOR);
    expect(at(PLACE.x + PLACE.width - 1, PLACE.y + PLACE.height - 1)).toBe(COLOR);
    expect(at(PLACE.x - 1, PLACE.y)).toBe(0);
    expect(at(PLACE.x + PLACE.width, PLACE.y)).toBe(0);
  });

  test('are made smaller until they fit, and say how large the screen is', async () => {
    await using _window = await openWindow(server);
    await using desktop = openDesktop(server);
    const whole = await desktop.screenshot();
    const shot = await desktop.screenshot({ maxBytes: Math.floor(whole.png.length / 2) });
    expect(shot.png.length).toBeLessThanOrEqual(whole.png.length / 2);
    expect(shot).toMatchObject({ nativeWidth: 800, nativeHeight: 600 });
    const { width, height, at } = pixelsOf(shot.png);
    expect([width, height]).toEqual([shot.width, shot.height]);
    expect(shot.width).toBeLessThan(800);
    expect(shot.width / shot.height).toBeCloseTo(800 / 600, 1);
    const scaled = (x: number, y: number) =>
      at(Math.floor((x * width) / 800), Math.floor((y * height) / 600));
    expect(scaled(PLACE.x + PLACE.width / 2, PLACE.y + PLACE.height / 2)).toBe(COLOR);
    expect(scaled(700, 500)).toBe(0);
    await expect(desktop.screenshot({ maxBytes: 10 })).rejects.toMatchObject({ code: 'too-large' });
  });

  test('follow the size of the screen', async () => {
    await using resized = await startXServer();
    await using window = await openWindow(resized);
    await using desktop = openDesktop(resized);
    expect(await desktop.screenshot()).toMatchObject({ width: 800, height: 600 });
    const [width, height] = [640, 400];
    await window.resizeScreen(width, height);
    expect(await desktop.screenshot()).toMatchObject({ width, height, nativeWidth: width });
    expect(await desktop.look()).toMatchObject({ available: true, use: { width, height } });
  });

  test('are taken of a screen with 16 bits of colour, and not of one with a palette', async () => {
    await using fewer = await startXServer({ screen: '64x64x16' });
    // Five bits of red and six of green, all set; half of the five of blue.
    const color = 0xfff0;
    await using _window = await openWindow(fewer, { x: 3, y: 5, width: 21, height: 30, color });
    await using desktop = openDesktop(fewer);
    const { at } = pixelsOf((await desktop.screenshot()).png);
    expect(at(3, 5)).toBe(0xffff84);
    expect(at(23, 34)).toBe(0xffff84);
    expect([at(2, 5), at(24, 34)]).toEqual([0, 0]);

    await using palette = await startXServer({ screen: '64x64x8' });
    await using blind = openDesktop(palette);
    expect(await blind.look()).toEqual({
      available: false,
      reason: expect.stringContaining('8 bits of colour'),
    });
    await expect(blind.screenshot()).rejects.toMatchObject({ code: 'unsupported' });
  });
});
