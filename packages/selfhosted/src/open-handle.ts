import { type BoundedCall, bounded, type CallOptions, SandboxError } from '@boxyard/sandbox-core';

/** Whether the handle of a machine's box is still in use, and what ends with it. */
export class OpenHandle {
  readonly #closed = new AbortController();
  readonly #endings = new Set<() => Promise<unknown>>();

  /** Aborts when the handle is closed. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** @throws SandboxError `closed` */
  ensureOpen(): void {
    if (!this.#closed.signal.aborted) return;
    throw new SandboxError('closed', 'The handle of the box is closed; open the box again.', {
      started: 'no',
    });
  }

  /** Work that is refused when the handle is closed, and that ends with it. */
  bounded<T>(
    options: CallOptions | undefined,
    what: string,
    run: (signal: AbortSignal, call: BoundedCall) => Promise<T>,
  ): Promise<T> {
    return bounded(options, what, async (signal, call) => {
      this.ensureOpen();
      return run(AbortSignal.any([signal, this.closed]), call);
    });
  }

  /** Runs when the handle is closed, unless it is taken back before. @returns Takes it back. */
  onClose(end: () => Promise<unknown>): () => void {
    this.#endings.add(end);
    return () => void this.#endings.delete(end);
  }

  /** Resolves when everything that ends with it has ended. Idempotent. */
  async close(): Promise<void> {
    this.#closed.abort(new SandboxError('closed', 'The handle of the box was closed; open the box again.'));
    await Promise.allSettled([...this.#endings].map((end) => end()));
    this.#endings.clear();
  }
}
