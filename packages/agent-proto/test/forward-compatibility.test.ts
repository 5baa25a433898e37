// A newer peer may send what this version has never heard of. None of it may break what is known, or get lost on
// the way through.
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { decodeRequest, decodeResponse } from '../src/envelope.ts';
import { ControlRequestSchema, ControlResponseSchema, ErrorCode, GitOp } from '../src/messages.ts';

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

test('an unknown field is kept and handed on', () => {
  // request_id "r", field 999 = "new"
  const sent = bytes('0a0172 ba3e036e6577');
  const request = fromBinary(ControlRequestSchema, sent);
  expect(request.requestId).toBe('r');
  expect(toBinary(ControlRequestSchema, request)).toEqual(sent);
});

test('an unknown member of the oneof is a request for nothing, with its id', () => {
  // request_id "r", op 90 = an empty message
  expect(decodeRequest(bytes('0a0172 d20500'))).toMatchObject({ requestId: 'r', op: { case: undefined } });
});

test('an unknown result is a response without one', () => {
  expect(decodeResponse(bytes('0a0172 d20500'))).toMatchObject({
    requestId: 'r',
    result: { case: undefined },
  });
});

test('an unknown value of an enum stays the number that it is', () => {
  // result: error {code 77}
  const response = fromBinary(ControlResponseSchema, bytes('1202 084d'));
  expect(response.error?.code).toBe(77);
  // git {op 14}
  const request = fromBinary(ControlRequestSchema, bytes('aa0102 080e'));
  expect(request.op.value).toMatchObject({ op: 14 });
  expect([Object.values(ErrorCode), Object.values(GitOp)].flat()).not.toContain(77);
});

test('bytes that are no message are nobody’s request', () => {
  expect(decodeRequest(bytes('ffffff'))).toBeNull();
  // A declared length that is not there: a frame that was cut.
  expect(decodeRequest(bytes('0a05 7265'))).toBeNull();
  expect(decodeResponse(bytes('0a05 7265'))).toBeNull();
});

test('an empty message is one', () => {
  expect(decodeRequest(new Uint8Array())).toMatchObject({ requestId: '', epoch: 0 });
});
