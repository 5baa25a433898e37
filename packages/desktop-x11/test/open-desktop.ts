import { startXServer, type TestXServer } from '@tooling/x-server';
import { PNG } from 'pngjs';
import { X11Desktop, type X11DesktopOptions } from '../src/index.ts';
import { openTestWindow, type TestWindow, type TestWindowOptions } from '../src/testing/index.ts';

export { startXServer, type TestXServer };

export const openDesktop = (
  { display, authorityFile }: TestXServer,
  options: Partial<X11DesktopOptions> = {},
): X11Desktop => new X11Desktop({ display, authorityFile, ...options });

export const PLACE = { x: 100, y: 50, width: 300, height: 200 } as const;
export const COLOR = 0x2080c0;

export const openWindow = (
  { display, authorityFile }: TestXServer,
  options: Partial<TestWindowOptions> = {},
): Promise<TestWindow> => openTestWindow({ display, authorityFile, ...PLACE, color: COLOR, ...options });

export function pixelsOf(png: Uint8Array) {
  const { width, height, data } = PNG.sync.read(Buffer.from(png));
  return {
    width,
    height,
    at: (x: number, y: number) => data.readUInt32BE((y * width + x) * 4) >>> 8,
  };
}
