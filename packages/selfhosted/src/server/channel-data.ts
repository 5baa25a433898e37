import type { OpChannel } from '@boxyard/agent-proto/messages';
import type { OpOutput } from './served-op.ts';

/** Pieces as output of one channel, each with where it begins. */
export async function* dataOf(
  pieces: AsyncIterable<Uint8Array>,
  channel: OpChannel,
): AsyncGenerator<OpOutput, void, void> {
  let offset = 0;
  for await (const bytes of pieces) {
    yield { kind: 'data', channel, bytes, offset };
    offset += bytes.length;
  }
}
