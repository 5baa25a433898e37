import { Readable } from 'node:stream';
import type { Bytes } from '@boxyard/sandbox-core';

/**
 * The same stream; `onEnd` is awaited once it was read to its end, broke, or was given up. Whoever streams out of a
 * box keeps the box until then.
 */
export function untilRead(
  stream: ReadableStream<Bytes>,
  onEnd: () => void | Promise<void>,
): ReadableStream<Bytes> {
  const reader = stream.getReader();
  return new ReadableStream<Bytes>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) {
          controller.enqueue(value);
          return;
        }
      } catch (error) {
        await onEnd();
        throw error;
      }
      await onEnd();
      controller.close();
    },
    async cancel(reason) {
      try {
        await reader.cancel(reason);
      } finally {
        await onEnd();
      }
    },
  });
}

// It judges web streams as well; only its declared type says otherwise.
const streams: { isDisturbed(stream: object): boolean } = Readable;

/** Whether something was taken out of the stream: it cannot be sent a second time then. */
export function wasRead(stream: ReadableStream<Bytes>): boolean {
  return stream.locked || streams.isDisturbed(stream);
}
