import type { OpStreamMessage } from '@boxyard/contracts';
import type { Bytes, OutputCursor, OutputEvent } from '@boxyard/sandbox-core';
import { endOfWholeCharacters, strictUtf8 } from '../files/text-content.ts';
import type { OutputChannel } from './output-collector.ts';

export interface PositionedMessage {
  /** Where a reader stands after this message; what the stream is resumed from. */
  readonly position: OutputCursor;
  readonly message: OpStreamMessage;
}

/** One message is one line of a server-sent event; a browser takes longer ones, but not gladly. */
const MAX_CHUNK_BYTES = 64 * 1024;

/**
 * Output as messages whose offsets are bytes. A character that is split over chunks is held back until it is
 * whole, so positions are always between characters; bytes that are no text go as base64.
 */
export async function* outputMessages(
  output: AsyncIterable<OutputEvent>,
  from: OutputCursor,
): AsyncGenerator<PositionedMessage, void, void> {
  const position = { ...from };
  const held: Record<OutputChannel, Bytes> = { stdout: new Uint8Array(), stderr: new Uint8Array() };

  function* messages(stream: OutputChannel, bytes: Bytes): Generator<PositionedMessage, void, void> {
    for (let at = 0; at < bytes.length; ) {
      const most = bytes.subarray(at, at + MAX_CHUNK_BYTES);
      const whole = at + most.length < bytes.length ? endOfWholeCharacters(most) : most.length;
      const part = most.subarray(0, whole === 0 ? most.length : whole);
      const chunk = strictUtf8(part);
      const offset = position[stream];
      position[stream] += part.length;
      at += part.length;
      const content = chunk === null ? { chunkBase64: Buffer.from(part).toString('base64') } : { chunk };
      yield { position: { ...position }, message: { stream, offset, ...content } };
    }
  }

  for await (const event of output) {
    if (event.kind === 'end') break;
    const bytes = joined(held[event.channel], event.bytes);
    const whole = endOfWholeCharacters(bytes);
    held[event.channel] = bytes.subarray(whole);
    yield* messages(event.channel, bytes.subarray(0, whole));
  }
  for (const channel of ['stdout', 'stderr'] as const) yield* messages(channel, held[channel]);
}

function joined(first: Bytes, second: Bytes): Bytes {
  if (first.length === 0) return second;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
