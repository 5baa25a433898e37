// Requests and replies as bytes. What does not fit into one message of the bus is refused here, before the bus
// cuts the connection over it.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  AgentErrorSchema,
  type ControlRequest,
  ControlRequestSchema,
  type ControlResponse,
  ControlResponseSchema,
  ErrorCode,
} from './messages.ts';

/** Room that the bus needs beside the payload for subjects and headers. */
export const ENVELOPE_RESERVE_BYTES = 4096;

/** The longest encoded message on a bus that takes `maxPayload` bytes. */
export function longestMessage(maxPayload: number): number {
  return maxPayload - ENVELOPE_RESERVE_BYTES;
}

/** A message that the bus would not carry. */
export class PayloadTooLargeError extends Error {
  override readonly name = 'PayloadTooLargeError';
  readonly op: string;
  readonly encodedBytes: number;
  readonly maxPayload: number;

  constructor(op: string, encodedBytes: number, maxPayload: number) {
    super(
      `The ${op} message has ${encodedBytes} bytes, the bus takes ${maxPayload}. Send it in smaller pieces.`,
    );
    this.op = op;
    this.encodedBytes = encodedBytes;
    this.maxPayload = maxPayload;
  }
}

/** @throws PayloadTooLargeError */
export function encodeRequest(request: ControlRequest, maxPayload: number): Uint8Array<ArrayBuffer> {
  const bytes = toBinary(ControlRequestSchema, request);
  if (bytes.length > longestMessage(maxPayload)) {
    throw new PayloadTooLargeError(request.op.case ?? 'empty', bytes.length, maxPayload);
  }
  return bytes;
}

/**
 * A reply that is too long becomes the error that says so, because somebody waits for it.
 *
 * @param op What was asked for, to be named in that error.
 */
export function encodeResponse(
  response: ControlResponse,
  op: string,
  maxPayload: number,
): Uint8Array<ArrayBuffer> {
  const bytes = toBinary(ControlResponseSchema, response);
  if (bytes.length <= longestMessage(maxPayload)) return bytes;
  const detail = { op, encoded_bytes: String(bytes.length), max_payload: String(maxPayload) };
  return toBinary(
    ControlResponseSchema,
    create(ControlResponseSchema, {
      requestId: response.requestId,
      error: create(AgentErrorSchema, {
        code: ErrorCode.PAYLOAD_TOO_LARGE,
        message: `The reply to ${op} has ${bytes.length} bytes, the bus takes ${maxPayload}.`,
        detail,
      }),
    }),
  );
}

/** Null for bytes that are no request; the agent answers them too, with an empty request id. */
export function decodeRequest(bytes: Uint8Array): ControlRequest | null {
  try {
    return fromBinary(ControlRequestSchema, bytes);
  } catch {
    return null;
  }
}

/** Null for bytes that are no response. */
export function decodeResponse(bytes: Uint8Array): ControlResponse | null {
  try {
    return fromBinary(ControlResponseSchema, bytes);
  } catch {
    return null;
  }
}
