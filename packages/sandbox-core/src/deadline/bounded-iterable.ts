import { bounded, throwIfAborted } from './bounded.ts';

export interface IterateOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long to wait for each next item, in milliseconds; no bound when absent. */
  readonly itemDeadlineMs?: number | undefined;
}

/**
 * The items of `source`, with every wait bounded and cancellable, whatever `source` does. An end that is not
 * the source's own (signal, deadline, `break`) also asks the source to finish, without waiting for it.
 *
 * @throws SandboxError `cancelled` or `timeout`; otherwise what the source throws.
 */
export async function* boundedIterable<T>(
  options: IterateOptions,
  what: string,
  source: AsyncIterable<T>,
): AsyncGenerator<T, void, void> {
  throwIfAborted(options.signal, what);
  const call = { signal: options.signal, deadlineMs: options.itemDeadlineMs ?? Number.POSITIVE_INFINITY };
  const iterator = source[Symbol.asyncIterator]();
  let finished = false;
  try {
    while (true) {
      const item = await bounded(call, what, () => iterator.next());
      if (item.done) {
        finished = true;
        return;
      }
      yield item.value;
    }
  } finally {
    // A generator that hangs in its own await answers `return` only after that: waiting here would hang too.
    if (!finished) iterator.return?.().catch(() => undefined);
  }
}
