// Bytes in the forms that a shell's own printf takes: no program of the image is needed to write them.
import type { Bytes } from '@boxyard/sandbox-core';

const BACKSLASH = 92;
const LINE_BYTES = 4096;

const ESCAPED: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte === 10 || (byte >= 32 && byte < 127 && byte !== BACKSLASH)
    ? String.fromCharCode(byte)
    : `\\0${byte.toString(8).padStart(3, '0')}`,
);

/** An argument for `printf %b`. */
export function asText(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += ESCAPED[byte];
  return text;
}

/** A script that prints the bytes. Every one of them is written as a number, so that nothing of it is shell text. */
export function asScript(bytes: Uint8Array): Bytes {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += LINE_BYTES) {
    let line = '';
    for (const byte of bytes.subarray(at, at + LINE_BYTES)) line += `\\${byte.toString(8).padStart(3, '0')}`;
    lines.push(`printf '${line}'\n`);
  }
  return new Uint8Array(Buffer.from(lines.join(''), 'latin1'));
}
