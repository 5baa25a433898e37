// A file as a stream: one command that reads one open file, at the pace of whoever takes the bytes.
import { type BoxProcess, type Bytes, type OpenedFile, SandboxError } from '@boxyard/sandbox-core';
import { parseReadHead, type ReadHead } from './file-read-head.ts';

const END_GRACE_MS = 100;

/** @param refusal The error for an exit code that is not 0. */
export async function streamOf(
  reading: BoxProcess,
  signal: AbortSignal | undefined,
  refusal: (exitCode: number) => SandboxError,
): Promise<OpenedFile> {
  const chunks = stdoutOf(reading, signal);
  const letGo = async () => {
    await chunks.return();
    await reading.kill({ graceMs: END_GRACE_MS }).catch(() => undefined);
    await reading.forget().catch(() => undefined);
  };
  let head: ReadHead | null = null;
  let begun: Bytes = new Uint8Array(0);
  try {
    while (head === null) {
      const next = await chunks.next();
      if (next.done) throw refusal((await reading.exited()).exitCode);
      begun = new Uint8Array(Buffer.concat([begun, next.value]));
      head = parseReadHead(begun);
    }
  } catch (error) {
    await letGo();
    throw error;
  }
  const { sizeBytes, followingBytes, version, length } = head;
  let first: Bytes | null = begun.subarray(length);
  let missing = followingBytes;
  const stream = new ReadableStream<Bytes>({
    async pull(controller) {
      const next = first === null ? await chunks.next() : { done: false as const, value: first };
      first = null;
      if (!next.done) {
        missing -= next.value.length;
        if (next.value.length > 0) controller.enqueue(next.value);
      } else {
        await letGo();
        if (missing === 0) controller.close();
        else controller.error(changedMeanwhile());
      }
    },
    cancel: letGo,
  });
  return { stream, sizeBytes, version: version ?? '' };
}

export function changedMeanwhile(): SandboxError {
  return new SandboxError('conflict', 'Reading a file failed: it was changed meanwhile. Read it again.', {
    retryable: true,
    started: 'no',
  });
}

async function* stdoutOf(
  reading: BoxProcess,
  signal: AbortSignal | undefined,
): AsyncGenerator<Bytes, void, void> {
  for await (const event of reading.output(signal === undefined ? {} : { signal })) {
    if (event.kind === 'chunk' && event.channel === 'stdout') yield event.bytes;
  }
}
