// Output is most of what travels, so its frames are written and read without the copies of the general way. The bytes
// are the same: tests hold them against it.
import type { OpChannel } from './messages.ts';

export interface DataFrame {
  readonly opId: string;
  readonly seq: number;
  readonly channel: OpChannel;
  readonly bytes: Uint8Array;
  readonly offset: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** Of the last frame: the next one is most often of the same op. */
let written = { opId: '', bytes: encoder.encode('') };
let read = { opId: '', bytes: encoder.encode('') };

function bytesOf(opId: string): Uint8Array {
  if (written.opId !== opId) written = { opId, bytes: encoder.encode(opId) };
  return written.bytes;
}

/** @throws TypeError for what is no text. */
function opIdOf(bytes: Uint8Array): string {
  const last = read.bytes;
  let same = last.length === bytes.length;
  for (let at = 0; same && at < bytes.length; at++) same = last[at] === bytes[at];
  // Copied: a view would keep the frame.
  if (!same) read = { opId: decoder.decode(bytes), bytes: bytes.slice() };
  return read.opId;
}

// Tags of OpFrame and OpData: field number and wire type.
const OP_ID = (1 << 3) | 2;
const SEQ = (2 << 3) | 0;
const DATA = (10 << 3) | 2;
const CHANNEL = (1 << 3) | 0;
const BYTES = (2 << 3) | 2;
const OFFSET = (100 << 3) | 0;

/**
 * An `OpFrame` with `data`, as `toBinary` makes it of the same message.
 *
 * @param into Where it is written when there is room for it: the answer is then a view of it.
 */
export function encodeDataFrame(frame: DataFrame, into?: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const { opId, seq, channel, bytes, offset } = frame;
  const id = bytesOf(opId);
  // What is empty or zero is not written.
  const channelSize = channel === 0 ? 0 : 1 + varintSize(channel);
  const bytesSize = bytes.length === 0 ? 0 : 1 + varintSize(bytes.length) + bytes.length;
  const offsetSize = offset === 0 ? 0 : varintSize(OFFSET) + varintSize(offset);
  const dataSize = channelSize + bytesSize + offsetSize;
  const idSize = id.length === 0 ? 0 : 1 + varintSize(id.length) + id.length;
  const seqSize = seq === 0 ? 0 : 1 + varintSize(seq);
  const size = idSize + seqSize + 1 + varintSize(dataSize) + dataSize;
  const out = into !== undefined && into.length >= size ? into.subarray(0, size) : new Uint8Array(size);
  let at = 0;
  const varint = (value: number) => {
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) out[at++] = (rest % 128) | 128;
    out[at++] = rest;
  };
  if (idSize > 0) {
    varint(OP_ID);
    varint(id.length);
    out.set(id, at);
    at += id.length;
  }
  if (seqSize > 0) {
    varint(SEQ);
    varint(seq);
  }
  varint(DATA);
  varint(dataSize);
  if (channelSize > 0) {
    varint(CHANNEL);
    varint(channel);
  }
  if (bytesSize > 0) {
    varint(BYTES);
    varint(bytes.length);
    out.set(bytes, at);
    at += bytes.length;
  }
  if (offsetSize > 0) {
    varint(OFFSET);
    varint(offset);
  }
  return out;
}

/**
 * Null for everything but a frame of output as it is written here: the general way tells what that is.
 *
 * @returns `bytes` is a view of the frame.
 */
export function decodeDataFrame(frame: Uint8Array): DataFrame | null {
  const from = new Cursor(frame);
  const opId = from.tag(OP_ID) ? from.block() : EMPTY;
  const seq = from.tag(SEQ) ? from.varint() : 0;
  // What is longer than its frame fits the end of nothing.
  if (!from.tag(DATA) || from.varint() !== from.left) return null;
  // A channel that this program does not know is a number like the others.
  const channel = (from.tag(CHANNEL) ? from.varint() : 0) as OpChannel;
  const bytes = from.tag(BYTES) ? from.block() : EMPTY;
  const offset = from.tag(OFFSET) ? from.varint() : 0;
  if (from.left !== 0 || from.failed) return null;
  try {
    return { opId: opIdOf(opId), seq, channel, bytes, offset };
  } catch {
    return null;
  }
}

const EMPTY = new Uint8Array(0);

class Cursor {
  /** Something did not fit: what was read since means nothing. */
  failed = false;
  readonly #frame: Uint8Array;
  #at = 0;

  constructor(frame: Uint8Array) {
    this.#frame = frame;
  }

  get left(): number {
    return this.#frame.length - this.#at;
  }

  /** Whether this tag comes next; it is passed then. */
  tag(tag: number): boolean {
    const size = varintSize(tag);
    if ((this.#frame[this.#at] ?? -1) !== (size === 1 ? tag : (tag & 127) | 128)) return false;
    if (size === 2 && this.#frame[this.#at + 1] !== tag >> 7) return false;
    this.#at += size;
    return true;
  }

  /** Up to 2^53; longer ones are for the general way. */
  varint(): number {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 49; scale *= 128) {
      const byte = this.#frame[this.#at++];
      if (byte === undefined) break;
      value += (byte & 127) * scale;
      if (byte < 128 && Number.isSafeInteger(value)) return value;
    }
    this.failed = true;
    return 0;
  }

  block(): Uint8Array {
    const length = this.varint();
    if (length > this.left) this.failed = true;
    const block = this.#frame.subarray(this.#at, this.#at + length);
    this.#at += length;
    return block;
  }
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) size++;
  return size;
}
