// Pictures of the whole screen, without the pointer, as large as whoever asks for them can take.
import { setImmediate as otherWork } from 'node:timers/promises';
import { SandboxError, throwIfAborted } from '@boxyard/sandbox-core';
import { type Picture, pixelFormatOf, readRows, rowBytesOf } from './pixel-format.ts';
import { pngOf } from './png-file.ts';
import { PIXELS_AT_ONCE, scaledPicture } from './scaled-picture.ts';
import type { Screenshot } from './screenshot.ts';
import type { X11Connection } from './x11-connection.ts';

const Z_PIXMAP = 2;
const ALL_PLANES = 0xffffffff;
/** A screen of 8K, whose picture takes 230 MB while it is made. */
const MOST_PIXELS = 7680 * 4320;
/** A screen may change its size between the question for it and the picture. */
const TRIES = 5;
/** How much smaller the next try is than the size at which the last one would fit if all pixels weighed the same. */
const MARGIN = 0.9;

const WHAT = 'Taking a picture of the screen';

/** @param maxBytes Of the PNG; a picture that is larger is made smaller until it fits. */
export async function takeScreenshot(
  connection: X11Connection,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Screenshot> {
  const native = await pictureOf(connection, signal);
  let picture = native;
  for (;;) {
    throwIfAborted(signal, WHAT);
    const png = await pngOf(picture);
    const { width, height } = picture;
    if (png.length <= maxBytes) {
      return {
        png: new Uint8Array(png),
        width,
        height,
        nativeWidth: native.width,
        nativeHeight: native.height,
      };
    }
    if (width === 1 && height === 1) {
      throw new SandboxError('too-large', `${WHAT}: no PNG fits into ${maxBytes} bytes. Allow for more.`);
    }
    const factor = Math.sqrt(maxBytes / png.length) * MARGIN;
    const smaller = (size: number) => Math.max(1, Math.min(size - 1, Math.floor(size * factor)));
    picture = await scaledPicture(native, smaller(width), smaller(height));
  }
}

async function pictureOf(connection: X11Connection, signal: AbortSignal): Promise<Picture> {
  const { client, display, screen } = connection;
  const format = pixelFormatOf(display, screen);
  for (let left = TRIES; ; left--) {
    throwIfAborted(signal, WHAT);
    const { width, height } = await screenSizeOf(connection);
    if (width * height > MOST_PIXELS) {
      throw new SandboxError('too-large', `${WHAT}: it has ${width} × ${height} pixels. Make it smaller.`);
    }
    const raw = await connection
      .request<{ readonly data: Buffer }>((answer) =>
        client.GetImage(Z_PIXMAP, screen.root, 0, 0, width, height, ALL_PLANES, answer),
      )
      .catch((error: unknown) => {
        if (left === 0 || SandboxError.isInstance(error)) throw error;
        return null;
      });
    if (raw === null) continue;
    const data = raw.data;
    if (data.length < rowBytesOf(width, format) * height)
      throw new Error(`${WHAT}: a part of it is missing.`);
    const picture = { width, height, rgb: Buffer.alloc(width * height * 3) };
    const rows = Math.max(1, Math.floor(PIXELS_AT_ONCE / width));
    for (let y = 0; y < height; y += rows) {
      readRows(data, format, picture, y, Math.min(height, y + rows));
      await otherWork();
    }
    return picture;
  }
}

/** As it is now: people plug in and turn their screens. */
export function screenSizeOf(
  connection: X11Connection,
): Promise<{ readonly width: number; readonly height: number }> {
  const { client, screen } = connection;
  return connection.request((answer) => client.GetGeometry(screen.root, answer));
}
