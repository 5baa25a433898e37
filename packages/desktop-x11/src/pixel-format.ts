/// <reference path="./x11-library.d.ts" />
// How the X server lays out its pixels, and what they are as red, green and blue.
import { SandboxError } from '@boxyard/sandbox-core';
import type { Display, Screen } from 'x11';

export interface PixelFormat {
  readonly bytesPerPixel: number;
  /** Rows begin at a multiple of so many bytes. */
  readonly rowAlignBytes: number;
  readonly littleEndian: boolean;
  readonly masks: readonly [red: number, green: number, blue: number];
}

/** Three bytes a pixel, row after row without a gap. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly rgb: Buffer;
}

const TRUE_COLOR = 4;
const DIRECT_COLOR = 5;

/** @throws SandboxError `unsupported` for a screen whose pixels are numbers in a palette. */
export function pixelFormatOf(display: Display, screen: Screen): PixelFormat {
  const visual = screen.depths[screen.root_depth]?.[screen.root_visual];
  const format = display.format[screen.root_depth];
  const whole = format !== undefined && [16, 24, 32].includes(format.bits_per_pixel);
  if (visual === undefined || !whole || (visual.class !== TRUE_COLOR && visual.class !== DIRECT_COLOR)) {
    throw new SandboxError(
      'unsupported',
      `The screen has ${screen.root_depth} bits of colour, of which no picture can be taken. Set it to 24 bits.`,
      { started: 'no' },
    );
  }
  return {
    bytesPerPixel: format.bits_per_pixel / 8,
    rowAlignBytes: format.scanline_pad / 8,
    littleEndian: display.image_byte_order === 0,
    masks: [visual.red_mask, visual.green_mask, visual.blue_mask],
  };
}

export const rowBytesOf = (width: number, { bytesPerPixel, rowAlignBytes }: PixelFormat): number =>
  Math.ceil((width * bytesPerPixel) / rowAlignBytes) * rowAlignBytes;

/** Writes the rows `from` up to `to` of the picture. */
export function readRows(
  raw: Buffer,
  format: PixelFormat,
  { width, rgb }: Picture,
  from: number,
  to: number,
): void {
  const { bytesPerPixel, littleEndian, masks } = format;
  const rowBytes = rowBytesOf(width, format);
  const plain = littleEndian && bytesPerPixel >= 3 && masks.every((mask, at) => mask === PLAIN[at]);
  const channels = masks.map((mask) => {
    const shift = Math.clz32(mask & -mask) ^ 31;
    return { mask, shift, highest: mask >>> shift };
  });
  for (let y = from; y < to; y++) {
    let source = y * rowBytes;
    let target = y * width * 3;
    for (let x = 0; x < width; x++, source += bytesPerPixel) {
      if (plain) {
        rgb[target++] = raw[source + 2] ?? 0;
        rgb[target++] = raw[source + 1] ?? 0;
        rgb[target++] = raw[source] ?? 0;
        continue;
      }
      const pixel = littleEndian
        ? raw.readUIntLE(source, bytesPerPixel)
        : raw.readUIntBE(source, bytesPerPixel);
      for (const { mask, shift, highest } of channels) {
        rgb[target++] = Math.round((((pixel & mask) >>> shift) * 255) / highest);
      }
    }
  }
}

/** Blue, green, red, as nearly every screen has them. */
const PLAIN = [0xff0000, 0xff00, 0xff];
