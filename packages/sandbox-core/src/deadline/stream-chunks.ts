import type { Bytes } from '../call-options.ts';
import { SandboxError } from '../sandbox-error.ts';
import { throwIfAborted } from './bounded.ts';

/** What a file is written by at a time. */
const BLOCK_BYTES = 256 * 1024;

/**
 * The chunks of a stream, ended by `signal` even while the source hangs. Whatever ends the reading early also
 * cancels the stream, so that whoever feeds it learns that nobody takes more.
 *
 * @param what Begins the message of an error, for instance `Writing "a.txt"`.
 * @throws SandboxError `cancelled`, or the signal's own reason; `invalid` when the source breaks off or sends
 * anything but bytes.
 */
export function streamChunks(
  stream: ReadableStream<Bytes>,
  signal: AbortSignal | undefined,
  what: string,
): AsyncGenerator<Bytes, void, void> {
  const reader = stream.getReader();
  return readOn(reader, () => reader.read(), signal, what);
}

/**
 * The same for who is done with a block before he asks for the next: a source that can fill memory which it is handed
 * (a stream of the type `bytes`) fills the same from its first byte to its last, so that gigabytes leave no garbage.
 */
export function streamBlocks(
  stream: ReadableStream<Bytes>,
  signal: AbortSignal | undefined,
  what: string,
): AsyncGenerator<Bytes, void, void> {
  const reader = fillingReader(stream);
  if (reader === null) return streamChunks(stream, signal, what);
  let block: Bytes = new Uint8Array(BLOCK_BYTES);
  const read = async () => {
    const result = await reader.read(block);
    if (result.value !== undefined) block = new Uint8Array(result.value.buffer);
    return result;
  };
  return readOn(reader, read, signal, what);
}

/** Null for a source that brings memory of its own. */
function fillingReader(stream: ReadableStream<Bytes>): ReadableStreamBYOBReader | null {
  try {
    return stream.getReader({ mode: 'byob' });
  } catch (error) {
    // That is how a stream says so; one that somebody else reads says it again when it is read by chunks.
    if (error instanceof TypeError) return null;
    throw error;
  }
}

async function* readOn(
  reader: ReadableStreamDefaultReader<Bytes> | ReadableStreamBYOBReader,
  read: () => Promise<{ readonly done: boolean; readonly value?: Bytes | undefined }>,
  signal: AbortSignal | undefined,
  what: string,
): AsyncGenerator<Bytes, void, void> {
  // Cancelling answers a read that hangs, whatever the source does.
  const stop = () => void reader.cancel(signal?.reason).catch(() => undefined);
  signal?.addEventListener('abort', stop, { once: true });
  let ended = false;
  try {
    while (true) {
      throwIfAborted(signal, what);
      const { done, value } = await read().catch((error) => {
        throw SandboxError.isInstance(error) ? error : brokeOff(what, error);
      });
      // A cancelled stream ends as if it were complete.
      throwIfAborted(signal, what);
      ended = done;
      if (done) return;
      if (!(value instanceof Uint8Array)) {
        throw new SandboxError('invalid', `${what} failed: the content is not bytes. Encode text first.`);
      }
      yield value;
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    if (!ended) reader.cancel(signal?.reason).catch(() => undefined);
  }
}

function brokeOff(what: string, cause: unknown): SandboxError {
  return new SandboxError('invalid', `${what} failed: the content broke off before its end. Send it again.`, {
    cause,
    retryable: true,
  });
}
