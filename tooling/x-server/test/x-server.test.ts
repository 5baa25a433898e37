import { readFile, stat } from 'node:fs/promises';
import { needs } from '@tooling/system-parts';
import { describe, expect, test } from 'vitest';
import { startXServer } from '../src/index.ts';

const socketOf = (display: string) => `/tmp/.X11-unix/X${display.slice(1)}`;

describe('an X server for tests', needs('xvfb'), () => {
  test('listens once it is there, comes back under its name, and leaves nothing', async () => {
    const server = await startXServer({ cookie: true });
    const { display } = server;
    expect(display).toMatch(/^:\d+$/);
    expect((await stat(socketOf(display))).isSocket()).toBe(true);
    expect((await readFile(server.authorityFile)).includes('MIT-MAGIC-COOKIE-1')).toBe(true);
    await server.kill();
    await server.start();
    expect(server.display).toBe(display);
    expect((await stat(socketOf(display))).isSocket()).toBe(true);
    await server[Symbol.asyncDispose]();
    await expect(stat(socketOf(display))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(stat(server.authorityFile)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('says why one does not start', async () => {
    await expect(startXServer({ screen: 'none' })).rejects.toThrow('did not start');
  });
});
