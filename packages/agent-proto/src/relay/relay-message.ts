// One binary websocket message: a tag byte, then a protobuf message.
import { type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';
import {
  type DesktopInput,
  DesktopInputSchema,
  type StreamAck,
  StreamAckSchema,
  type StreamClose,
  StreamCloseSchema,
  type StreamFrame,
  StreamFrameSchema,
  type StreamOpen,
  type StreamOpenAck,
  StreamOpenAckSchema,
  StreamOpenSchema,
} from '../messages.ts';

/** What travels between the relay and either side. */
export type RelayMessage =
  | { readonly kind: 'open'; readonly value: StreamOpen }
  | { readonly kind: 'openAck'; readonly value: StreamOpenAck }
  | { readonly kind: 'frame'; readonly value: StreamFrame }
  | { readonly kind: 'close'; readonly value: StreamClose }
  | { readonly kind: 'input'; readonly value: DesktopInput }
  | { readonly kind: 'ack'; readonly value: StreamAck };

/** A tag that this version does not know: to be ignored, so that the protocol can grow. */
export interface UnknownRelayMessage {
  readonly kind: 'unknown';
  readonly tag: number;
}

const OPEN = 1;
const OPEN_ACK = 2;
const FRAME = 3;
const CLOSE = 4;
const INPUT = 5;
/** Ours; only sent to who named a window, because others do not know it. */
const ACK = 100;

export const encodeOpen = (value: StreamOpen) => tagged(OPEN, StreamOpenSchema, value);
export const encodeOpenAck = (value: StreamOpenAck) => tagged(OPEN_ACK, StreamOpenAckSchema, value);
export const encodeFrame = (value: StreamFrame) => tagged(FRAME, StreamFrameSchema, value);
export const encodeClose = (value: StreamClose) => tagged(CLOSE, StreamCloseSchema, value);
export const encodeInput = (value: DesktopInput) => tagged(INPUT, DesktopInputSchema, value);
export const encodeAck = (value: StreamAck) => tagged(ACK, StreamAckSchema, value);

/** Null for bytes that are no message. The data of a frame is a view into `bytes`. */
export function decodeRelayMessage(bytes: Uint8Array): RelayMessage | UnknownRelayMessage | null {
  const tag = bytes[0];
  if (tag === undefined) return null;
  const body = bytes.subarray(1);
  try {
    switch (tag) {
      case OPEN:
        return { kind: 'open', value: fromBinary(StreamOpenSchema, body) };
      case OPEN_ACK:
        return { kind: 'openAck', value: fromBinary(StreamOpenAckSchema, body) };
      case FRAME:
        return { kind: 'frame', value: fromBinary(StreamFrameSchema, body) };
      case CLOSE:
        return { kind: 'close', value: fromBinary(StreamCloseSchema, body) };
      case INPUT:
        return { kind: 'input', value: fromBinary(DesktopInputSchema, body) };
      case ACK:
        return { kind: 'ack', value: fromBinary(StreamAckSchema, body) };
      default:
        return { kind: 'unknown', tag };
    }
  } catch {
    return null;
  }
}

function tagged<Desc extends DescMessage>(
  tag: number,
  schema: Desc,
  value: MessageShape<Desc>,
): Uint8Array<ArrayBuffer> {
  const body = toBinary(schema, value);
  const message = new Uint8Array(body.length + 1);
  message[0] = tag;
  message.set(body, 1);
  return message;
}
