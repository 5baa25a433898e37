import type { ContentEncoding } from '@boxyard/contracts';
import { SandboxError } from '@boxyard/sandbox-core';

export interface EncodedContent {
  readonly content: string;
  readonly encoding: ContentEncoding;
  /** How many of the bytes are in `content`. */
  readonly sizeBytes: number;
}

/**
 * Bytes as they go into JSON. Text that was asked for stays bytes (base64) where it is not UTF-8, because a
 * replacement character would be written back as damage. A character that the end of a part cuts is left for
 * the next part.
 */
export function decodeText(
  bytes: Uint8Array,
  asked: ContentEncoding,
  part: { readonly atEnd: boolean; readonly isBinary?: boolean },
): EncodedContent {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (asked === 'utf8' && !(part.isBinary ?? looksBinary(buffer))) {
    const whole = part.atEnd ? buffer.length : endOfWholeCharacters(buffer);
    // A part that is shorter than its first character would make no progress as text.
    const text = whole === 0 && buffer.length > 0 ? null : strictUtf8(buffer.subarray(0, whole));
    if (text !== null) return { content: text, encoding: 'utf8', sizeBytes: whole };
  }
  return { content: buffer.toString('base64'), encoding: 'base64', sizeBytes: buffer.length };
}

/** How far into a file is looked for NUL. */
export const BINARY_PROBE_BYTES = 8192;

/** A file is binary when there is a NUL in its first 8 KiB. */
export function looksBinary(head: Uint8Array): boolean {
  return head.subarray(0, BINARY_PROBE_BYTES).includes(0);
}

/** @throws SandboxError `invalid` for content that another reader would understand differently. */
export function encodeContent(content: string, encoding: ContentEncoding): Uint8Array<ArrayBuffer> {
  if (encoding === 'utf8') {
    // The encoder would put a replacement character there.
    if (/\p{Surrogate}/u.test(content)) {
      throw new SandboxError('invalid', 'The content is not well-formed Unicode. Send it as base64.', {
        started: 'no',
      });
    }
    return new TextEncoder().encode(content);
  }
  const bytes = Buffer.from(content, 'base64');
  // Buffer skips what is not base64; an honest round trip shows that nothing was skipped.
  if (bytes.toString('base64') !== content.replace(/[\r\n]/g, '')) {
    throw new SandboxError('invalid', 'The content is not base64. Send it with padding, or as utf8.', {
      started: 'no',
    });
  }
  return Uint8Array.from(bytes);
}

/** The length up to the last whole character; bytes that are no UTF-8 count as they are. */
export function endOfWholeCharacters(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back += 1) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) return bytes.length;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return length > back ? bytes.length - back : bytes.length;
    }
  }
  return bytes.length;
}

/** Null where the bytes are no UTF-8. A byte order mark stays, because it is content. */
export function strictUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
