// The cookies by which X servers know their own people. The library would read the file that the process's own
// environment names; ours belongs to a display, which may be another one.
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';

export interface DisplayCookie {
  readonly name: string;
  /** Raw bytes, one in each character. */
  readonly data: string;
}

const COOKIE = 'MIT-MAGIC-COOKIE-1';
const FAMILY_LOCAL = 256;
const FAMILY_WILD = 65_535;
const NO_COOKIE: DisplayCookie = { name: '', data: '' };

/** The cookie for a display of this machine; an empty one where there is no file, or nothing in it about the display. */
export async function readCookie(file: string, displayNumber: number): Promise<DisplayCookie> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  });
  for (const { family, address, number, name, data } of entriesOf(bytes)) {
    const ours = family === FAMILY_WILD || (family === FAMILY_LOCAL && address === hostname());
    if (ours && name === COOKIE && (number === '' || number === String(displayNumber))) return { name, data };
  }
  return NO_COOKIE;
}

/** A family and four counted strings each; one that breaks off is left out, as libXau does. */
function* entriesOf(bytes: Buffer) {
  let at = 0;
  const number16 = (): number | null => {
    if (at + 2 > bytes.length) return null;
    at += 2;
    return bytes.readUInt16BE(at - 2);
  };
  const text = (): string | null => {
    const length = number16();
    if (length === null || at + length > bytes.length) return null;
    at += length;
    return bytes.toString('latin1', at - length, at);
  };
  for (;;) {
    const family = number16();
    const [address, number, name, data] = [text(), text(), text(), text()];
    if (family === null || address === null || number === null || name === null || data === null) return;
    yield { family, address, number, name, data };
  }
}
