import type { BoxProcess, ExitStatus, OutputEvent } from '@boxyard/sandbox-core';

export interface RoutedProcessOptions {
  readonly endedLingerMs: number;
  /** Keeps the command's box open until the answered function is called. */
  readonly use: () => () => void;
  /** The command has ended a while ago, or is forgotten: the box need not be kept for it. */
  readonly onOver: () => void;
}

/** A command's handle; it stays with the box that made it. */
export class RoutedProcess implements BoxProcess {
  readonly id: string;
  readonly #process: BoxProcess;
  readonly #options: RoutedProcessOptions;
  #watched = false;
  #lingering: NodeJS.Timeout | null = null;

  constructor(process: BoxProcess, options: RoutedProcessOptions) {
    this.id = process.id;
    this.#process = process;
    this.#options = options;
  }

  /** Without this nobody may ever ask how the command ended. */
  watch(): void {
    if (this.#watched) return;
    this.#watched = true;
    this.#process.exited({ deadlineMs: Number.POSITIVE_INFINITY }).then(
      () => this.#ended(),
      // A box that cannot tell is not worth keeping for it.
      () => this.#options.onOver(),
    );
  }

  /** The box is closed; nothing is waited for any more. */
  letGo(): void {
    if (this.#lingering !== null) clearTimeout(this.#lingering);
  }

  async *output(options?: Parameters<BoxProcess['output']>[0]): AsyncGenerator<OutputEvent, void, void> {
    const release = this.#options.use();
    try {
      yield* this.#process.output(options);
    } finally {
      release();
    }
  }

  write(...call: Parameters<BoxProcess['write']>): Promise<void> {
    return this.#process.write(...call);
  }

  closeStdin(...call: Parameters<BoxProcess['closeStdin']>): Promise<void> {
    return this.#process.closeStdin(...call);
  }

  interrupt(...call: Parameters<BoxProcess['interrupt']>): Promise<void> {
    return this.#process.interrupt(...call);
  }

  kill(...call: Parameters<BoxProcess['kill']>): Promise<void> {
    return this.#process.kill(...call);
  }

  async exited(...call: Parameters<BoxProcess['exited']>): Promise<ExitStatus> {
    const status = await this.#process.exited(...call);
    this.#ended();
    return status;
  }

  async forget(...call: Parameters<BoxProcess['forget']>): Promise<void> {
    await this.#process.forget(...call);
    this.letGo();
    this.#options.onOver();
  }

  /** Whoever waited for the end reads the output or forgets the command only now. */
  #ended(): void {
    this.#lingering ??= setTimeout(this.#options.onOver, this.#options.endedLingerMs).unref();
  }
}
