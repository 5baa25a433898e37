// One binary websocket message: a tag byte, then a protobuf message.
import { type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
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
const FRAME_TAG = Uint8Array.of(FRAME);
const CLOSE = 4;
const INPUT = 5;
/** Ours; only sent to who named a window, because others do not know it. */
const ACK = 100;

export const encodeOpen = (value: StreamOpen) => tagged(OPEN, StreamOpenSchema, value);
export const encodeOpenAck = (value: StreamOpenAck) => tagged(OPEN_ACK, StreamOpenAckSchema, value);
/** By hand, because it is most of what is ever sent: the data is copied once and not twice. */
export function encodeFrame({ channelId, seq, data, producedAtMs }: StreamFrame): Uint8Array {
  const head = new BinaryWriter().raw(FRAME_TAG);
  if (channelId !== '') head.tag(1, WireType.LengthDelimited).string(channelId);
  if (seq !== 0n) head.tag(2, WireType.Varint).uint64(seq);
  if (data.length > 0) head.tag(3, WireType.LengthDelimited).uint32(data.length);
  const tail = new BinaryWriter();
  if (producedAtMs !== 0n) tail.tag(4, WireType.Varint).int64(producedAtMs);
  return Buffer.concat([head.finish(), data, tail.finish()]);
}

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

function tagged<Desc extends DescMessage>(tag: number, schema: Desc, value: MessageShape<Desc>): Uint8Array {
  const body = toBinary(schema, value);
  const message = Buffer.allocUnsafe(body.length + 1);
  message[0] = tag;
  message.set(body, 1);
  return message;
}
