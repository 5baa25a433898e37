import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import {
  DesktopInputSchema,
  KeyEventSchema,
  StreamAckSchema,
  StreamCloseReason,
  StreamCloseSchema,
  StreamFrameSchema,
  StreamOpenAckSchema,
  StreamOpenSchema,
  StreamRole,
} from '../messages.ts';
import {
  decodeRelayMessage,
  encodeAck,
  encodeClose,
  encodeFrame,
  encodeInput,
  encodeOpen,
  encodeOpenAck,
} from './relay-message.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

// Made by hand from the tags and field numbers that agents written by others send.
test.each([
  [encodeOpen(create(StreamOpenSchema, { token: 't', role: StreamRole.CLIENT })), '01120174' + '1802'],
  [encodeOpenAck(create(StreamOpenAckSchema, { accepted: true, resumeFromSeq: 5n })), '0208011805'],
  [
    encodeFrame(create(StreamFrameSchema, { channelId: 'c', seq: 1n, data: Uint8Array.of(255) })),
    '030a016310011a01ff',
  ],
  [
    encodeClose(create(StreamCloseSchema, { channelId: 'c', reason: StreamCloseReason.FENCED })),
    '040a01631003',
  ],
  [
    encodeInput(
      create(DesktopInputSchema, {
        channelId: 'c',
        event: { case: 'key', value: create(KeyEventSchema, { key: 'a' }) },
      }),
    ),
    '050a01631a030a0161',
  ],
  [encodeAck(create(StreamAckSchema, { channelId: 'c', nextSeq: 3n })), '640a01631003'],
  [encodeOpen(create(StreamOpenSchema, { windowBytes: 1n })), '01a00601'],
])('message %# has the bytes that were laid down, and is read back', (bytes, expected) => {
  expect(hex(bytes)).toBe(expected);
  const read = decodeRelayMessage(bytes);
  expect(read).not.toBeNull();
  expect(read?.kind).not.toBe('unknown');
});

test('a tag of the future is told apart from nonsense', () => {
  expect(decodeRelayMessage(Uint8Array.of(77, 1, 2))).toEqual({ kind: 'unknown', tag: 77 });
  expect(decodeRelayMessage(Uint8Array.of())).toBeNull();
  expect(decodeRelayMessage(Uint8Array.of(3, 0xff))).toBeNull();
});
