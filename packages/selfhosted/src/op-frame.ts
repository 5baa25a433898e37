// Frames as they are read: output by the short way, everything else by the general one.
import { type DataFrame, decodeDataFrame } from '@boxyard/agent-proto';
import { type OpFrame, OpFrameSchema } from '@boxyard/agent-proto/messages';
import { fromBinary } from '@bufbuild/protobuf';

export type FrameBody =
  | Exclude<OpFrame['body'], { case: 'data' }>
  | { readonly case: 'data'; readonly value: Pick<DataFrame, 'channel' | 'bytes' | 'offset'> };

export interface ReadFrame {
  readonly opId: string;
  readonly seq: number;
  readonly body: FrameBody;
}

/** Null for bytes that are no frame. */
export function readFrame(payload: Uint8Array): ReadFrame | null {
  const data = decodeDataFrame(payload);
  if (data !== null) return { opId: data.opId, seq: data.seq, body: { case: 'data', value: data } };
  try {
    const { opId, seq, body } = fromBinary(OpFrameSchema, payload);
    return { opId, seq: Number(seq), body: body.case === 'data' ? dataBody(body.value) : body };
  } catch {
    return null;
  }
}

const dataBody = (data: Extract<OpFrame['body'], { case: 'data' }>['value']): FrameBody => ({
  case: 'data',
  value: { channel: data.channel, bytes: data.bytes, offset: Number(data.offset) },
});
