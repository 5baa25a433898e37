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

// Tags of OpFrame and OpData: field number and wire type.
const OP_ID = (1 << 3) | 2;
const SEQ = (2 << 3) | 0;
const DATA = (10 << 3) | 2;
const CHANNEL = (1 << 3) | 0;
const BYTES = (2 << 3) | 2;
const OFFSET = (100 << 3) | 0;

/** An `OpFrame` with `data`, as `toBinary` makes it of the same message. */
export function encodeDataFrame(frame: DataFrame): Uint8Array<ArrayBuffer> {
  const { opId, seq, channel, bytes, offset } = frame;
  const id = new TextEncoder().encode(opId);
  // What is empty or zero is not written.
  const channelSize = channel === 0 ? 0 : 1 + varintSize(channel);
  const bytesSize = bytes.length === 0 ? 0 : 1 + varintSize(bytes.length) + bytes.length;
  const offsetSize = offset === 0 ? 0 : varintSize(OFFSET) + varintSize(offset);
  const dataSize = channelSize + bytesSize + offsetSize;
  const idSize = id.length === 0 ? 0 : 1 + varintSize(id.length) + id.length;
  const seqSize = seq === 0 ? 0 : 1 + varintSize(seq);
  const out = new Uint8Array(idSize + seqSize + 1 + varintSize(dataSize) + dataSize);
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

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) size++;
  return size;
}
