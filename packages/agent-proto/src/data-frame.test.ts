import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { type DataFrame, decodeDataFrame, encodeDataFrame } from './data-frame.ts';
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
    expect(decodeDataFrame(encoded)).toEqual(frame);
    const memory = new Uint8Array(encoded.length + 1).fill(9);
    const written = encodeDataFrame(frame, memory);
    expect([written.buffer === memory.buffer, Buffer.compare(written, encoded)]).toEqual([true, 0]);
    expect(encodeDataFrame(frame, memory.subarray(0, 1))).toEqual(encoded);
  },
);

test('what is not exactly such a frame is left to the general way', () => {
  const encoded = encodeDataFrame({ ...usual, offset: 300 });
  const message = fromBinary(OpFrameSchema, encoded);
  for (let length = 0; length < encoded.length; length++) {
    expect(decodeDataFrame(encoded.subarray(0, length))).toBe(null);
  }
  const unknownField = [...encoded, ((99 << 3) & 127) | 128, (99 << 3) >> 7, 1];
  expect(fromBinary(OpFrameSchema, new Uint8Array(unknownField)).body).toEqual(message.body);
  expect(decodeDataFrame(new Uint8Array(unknownField))).toBe(null);
  const exit = create(OpFrameSchema, { opId: 'op', seq: 2n, body: { case: 'exit', value: {} } });
  expect(decodeDataFrame(toBinary(OpFrameSchema, exit))).toBe(null);
  const beyond = { ...message, seq: 2n ** 60n };
  expect(decodeDataFrame(toBinary(OpFrameSchema, beyond))).toBe(null);
});
