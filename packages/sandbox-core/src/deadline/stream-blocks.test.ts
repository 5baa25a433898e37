import { expect, test } from 'vitest';
import type { Bytes } from '../call-options.ts';
import { streamBlocks } from './stream-chunks.ts';

/** Brings the numbers 0, 1, 2 … below `length` in the memory that it is handed; notes how much that is. */
function counting(length: number, handed: number[] = []): ReadableStream<Bytes> {
  let at = 0;
  return new ReadableStream({
    type: 'bytes',
    pull(controller) {
      const wanted = controller.byobRequest;
      if (wanted?.view == null) throw new Error('Nobody handed any memory.');
      if (at === length) {
        controller.close();
        wanted.respond(0);
        return;
      }
      const { buffer, byteOffset, byteLength } = wanted.view;
      handed.push(byteLength);
      new Uint8Array(buffer, byteOffset, 1)[0] = at++;
      wanted.respond(1);
    },
  }) as ReadableStream<Bytes>;
}

test('a source that fills memory gets the same from its first byte to its last', async () => {
  const handed: number[] = [];
  const seen: number[] = [];
  for await (const block of streamBlocks(counting(100, handed), undefined, 'Reading')) seen.push(...block);
  expect(seen).toEqual(Array.from({ length: 100 }, (_, number) => number));
  expect(new Set(handed).size).toBe(1);
});

test('a source with memory of its own is read by its chunks', async () => {
  const chunks = [new Uint8Array([1, 2]), new Uint8Array([3])];
  const seen: Uint8Array[] = [];
  for await (const block of streamBlocks(ReadableStream.from<Bytes>(chunks), undefined, 'Reading'))
    seen.push(block);
  expect(seen).toEqual(chunks);
});

test('a signal ends the reading and cancels the source', async () => {
  const cancelled: string[] = [];
  const endless = (name: string) =>
    new ReadableStream({
      type: 'bytes',
      cancel: () => void cancelled.push(name),
    }) as ReadableStream<Bytes>;
  const stop = new AbortController();
  const reading = streamBlocks(endless('stopped'), stop.signal, 'Reading').next();
  stop.abort();
  await expect(reading).rejects.toMatchObject({ code: 'cancelled' });
  expect(cancelled).toEqual(['stopped']);
});
