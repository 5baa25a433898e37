import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import {
  decodeResponse,
  encodeRequest,
  encodeResponse,
  longestMessage,
  PayloadTooLargeError,
} from './envelope.ts';
import { ControlRequestSchema, ControlResponseSchema, ErrorCode } from './messages.ts';

const MAX_PAYLOAD = 8192;

test('a request of exactly the longest length goes, one byte more is refused with its sizes', () => {
  const ofLength = (length: number) =>
    create(ControlRequestSchema, {
      op: { case: 'fsWrite', value: { path: 'p', content: new Uint8Array(length) } },
    });
  const overhead = encodeRequest(ofLength(200), MAX_PAYLOAD).length - 200;
  const most = longestMessage(MAX_PAYLOAD) - overhead;
  expect(encodeRequest(ofLength(most), MAX_PAYLOAD)).toHaveLength(longestMessage(MAX_PAYLOAD));
  expect(() => encodeRequest(ofLength(most + 1), MAX_PAYLOAD)).toThrow(
    expect.objectContaining({
      op: 'fsWrite',
      encodedBytes: longestMessage(MAX_PAYLOAD) + 1,
      maxPayload: MAX_PAYLOAD,
    }),
  );
  expect(() => encodeRequest(ofLength(most + 1), MAX_PAYLOAD)).toThrow(PayloadTooLargeError);
});

test('a reply that does not fit becomes the error that says so', () => {
  const reply = create(ControlResponseSchema, {
    requestId: 'r',
    result: { case: 'exec', value: { stdout: new Uint8Array(MAX_PAYLOAD) } },
  });
  const bytes = encodeResponse(reply, 'exec', MAX_PAYLOAD);
  expect(bytes.length).toBeLessThan(longestMessage(MAX_PAYLOAD));
  const sent = decodeResponse(bytes);
  expect(sent?.requestId).toBe('r');
  expect(sent?.result.case).toBeUndefined();
  expect(sent?.error).toMatchObject({
    code: ErrorCode.PAYLOAD_TOO_LARGE,
    detail: { op: 'exec', max_payload: '8192' },
  });
  expect(Number(sent?.error?.detail.encoded_bytes)).toBeGreaterThan(MAX_PAYLOAD);
});
