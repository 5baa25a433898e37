import type {
  BoxAttach,
  BoxProcess,
  Bytes,
  CallOptions,
  ExitStatus,
  OutputCursor,
  OutputEvent,
} from '@boxyard/sandbox-core';

/** Settles as `call` does; what it throws is judged first, by whether the box is still there. */
export type Judge = <T>(call: Promise<T>) => Promise<T>;

/** A command of a box whose channel may die with the box: then it is gone, and not only out of reach. */
export class JudgedProcess implements BoxProcess {
  readonly #process: BoxProcess;
  readonly #judge: Judge;

  constructor(process: BoxProcess, judge: Judge) {
    this.#process = process;
    this.#judge = judge;
  }

  get id(): string {
    return this.#process.id;
  }

  async *output(options?: {
    readonly from?: OutputCursor;
    readonly signal?: AbortSignal;
  }): AsyncIterable<OutputEvent> {
    const events = this.#process.output(options)[Symbol.asyncIterator]();
    try {
      while (true) {
        const next = await this.#judge(events.next());
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await events.return?.();
    }
  }

  write(bytes: Bytes, options?: CallOptions): Promise<void> {
    return this.#judge(this.#process.write(bytes, options));
  }

  closeStdin(options?: CallOptions): Promise<void> {
    return this.#judge(this.#process.closeStdin(options));
  }

  interrupt(options?: CallOptions): Promise<void> {
    return this.#judge(this.#process.interrupt(options));
  }

  kill(options?: CallOptions & { readonly graceMs?: number }): Promise<void> {
    return this.#judge(this.#process.kill(options));
  }

  exited(options?: CallOptions): Promise<ExitStatus> {
    return this.#judge(this.#process.exited(options));
  }

  forget(options?: CallOptions): Promise<void> {
    return this.#judge(this.#process.forget(options));
  }
}

export function judgedAttach(attach: BoxAttach, judge: Judge): BoxAttach {
  return {
    attach: async (id, options) => new JudgedProcess(await judge(attach.attach(id, options)), judge),
    list: (options) => judge(attach.list(options)),
  };
}
