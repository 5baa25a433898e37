import type { Bytes } from '../call-options.ts';
import { SandboxError } from '../sandbox-error.ts';
import { throwIfAborted } from './bounded.ts';

/**
 * The chunks of a stream, ended by `signal` even while the source hangs. Whatever ends the reading early also
 * cancels the stream, so that whoever feeds it learns that nobody takes more.
 *
 * @param what Begins the message of an error, for instance `Writing "a.txt"`.
 * @throws SandboxError `cancelled`, or the signal's own reason; `invalid` when the source breaks off or sends
 * anything but bytes.
 */
export async function* streamChunks(
  stream: ReadableStream<Bytes>,
  signal: AbortSignal | undefined,
  what: string,
): AsyncGenerator<Bytes, void, void> {
  const reader = stream.getReader();
  // Cancelling answers a read that hangs, whatever the source does.
  const stop = () => void reader.cancel(signal?.reason).catch(() => undefined);
  signal?.addEventListener('abort', stop, { once: true });
  let ended = false;
  try {
    while (true) {
      throwIfAborted(signal, what);
      const { done, value } = await reader.read().catch((error) => {
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
