import { setImmediate as otherWork } from 'node:timers/promises';
import type { Picture } from './pixel-format.ts';

/** So many pixels are worked on before whatever else waits has its turn: some milliseconds. */
export const PIXELS_AT_ONCE = 512 * 1024;

/** Smaller, each pixel the mean of those in whose place it stands: text stays readable for longer. */
export async function scaledPicture(picture: Picture, width: number, height: number): Promise<Picture> {
  const rgb = Buffer.alloc(width * height * 3);
  let done = 0;
  for (let y = 0; y < height; y++) {
    const [top, bottom] = span(y, height, picture.height);
    for (let x = 0; x < width; x++) {
      const [left, right] = span(x, width, picture.width);
      mean(picture, left, right, top, bottom, rgb, (y * width + x) * 3);
    }
    done += (bottom - top) * picture.width;
    if (done < PIXELS_AT_ONCE) continue;
    done = 0;
    await otherWork();
  }
  return { width, height, rgb };
}

/** From where up to where a pixel reaches in the larger picture; never nothing. */
function span(at: number, size: number, native: number): readonly [number, number] {
  const from = Math.floor((at * native) / size);
  return [from, Math.max(from + 1, Math.floor(((at + 1) * native) / size))];
}

function mean(
  { width, rgb }: Picture,
  left: number,
  right: number,
  top: number,
  bottom: number,
  into: Buffer,
  at: number,
): void {
  let [red, green, blue] = [0, 0, 0];
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const from = (y * width + x) * 3;
      red += rgb[from] ?? 0;
      green += rgb[from + 1] ?? 0;
      blue += rgb[from + 2] ?? 0;
    }
  }
  const count = (right - left) * (bottom - top);
  into[at] = Math.round(red / count);
  into[at + 1] = Math.round(green / count);
  into[at + 2] = Math.round(blue / count);
}
