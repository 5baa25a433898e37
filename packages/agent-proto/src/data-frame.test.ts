import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { type DataFrame, encodeDataFrame } from './data-frame.ts';
import { OpChannel, OpFrameSchema } from './messages.ts';

const usual: DataFrame = {
  opId: '2cfb47dc-e8fe-4984-8442-3b57bda9a125',
  seq: 1,
  channel: OpChannel.STDOUT,
  bytes: new Uint8Array([1, 2, 3]),
  offset: 0,
};
const odd: readonly Partial<DataFrame>[] = [
  {},
  { seq: 0 },
  { seq: 127 },
  { seq: 128 },
  { seq: 2 ** 40 },
  { offset: 1 },
  { offset: 16_384 },
  { offset: 2 ** 45 + 12_345 },
  { bytes: new Uint8Array() },
  { bytes: new Uint8Array(127) },
  { bytes: new Uint8Array(300_000).fill(7), offset: 300_000 },
  { opId: '' },
  { opId: 'ü'.repeat(100) },
  { channel: OpChannel.UNSPECIFIED },
  { channel: OpChannel.RESULT },
];

test.each(odd.map((change) => [change] as const))(
  'a frame of output has the bytes of the message: %j',
  (change) => {
    const frame = { ...usual, ...change };
    const { opId, seq, channel, bytes, offset } = frame;
    const message = create(OpFrameSchema, {
      opId,
      seq: BigInt(seq),
      body: { case: 'data', value: { channel, bytes, offset: BigInt(offset) } },
    });
    const encoded = encodeDataFrame(frame);
    expect(Buffer.compare(encoded, toBinary(OpFrameSchema, message))).toBe(0);
    expect(fromBinary(OpFrameSchema, encoded)).toEqual(message);
  },
);
