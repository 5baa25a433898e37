import type { Bytes } from '@boxyard/sandbox-core';

/** The same stream; what breaks it is judged first, by whether the box is still there. */
export function judgedStream(
  stream: ReadableStream<Bytes>,
  judge: <T>(call: Promise<T>) => Promise<T>,
): ReadableStream<Bytes> {
  const reader = stream.getReader();
  return new ReadableStream<Bytes>(
    {
      async pull(controller) {
        const next = await judge(reader.read());
        if (next.done) controller.close();
        else controller.enqueue(next.value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
