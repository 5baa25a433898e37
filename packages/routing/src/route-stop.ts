import type { ActivePointer, Box, BoxProcess } from '@boxyard/sandbox-core';
import { RoutedProcess } from './routed-process.ts';

/** A box that is held open until it is disposed of. */
export interface OpenedBox extends AsyncDisposable {
  readonly box: Box;
}

export interface RouteStopOptions {
  /** How long the box is kept for who reads on after a command of it has ended. */
  readonly endedLingerMs: number;
  readonly onClosed: () => void;
}

/** One box on a session's way: the active one, or an earlier one in which something of it still runs. */
export class RouteStop<Opened extends OpenedBox> {
  readonly opened: Opened;
  /** Where the pointer stood when it led here last. */
  pointer: ActivePointer;
  /** It refused us or is gone: it has to be opened again before it can be used. */
  broken = false;
  readonly #processes = new Map<string, RoutedProcess>();
  readonly #options: RouteStopOptions;
  #uses = 0;
  #left = false;
  #closing: Promise<void> | null = null;

  constructor(opened: Opened, pointer: ActivePointer, options: RouteStopOptions) {
    this.opened = opened;
    this.pointer = pointer;
    this.#options = options;
  }

  get closed(): boolean {
    return this.#closing !== null;
  }

  /** Keeps the box open until the answered function is called, however often. */
  use(): () => void {
    this.#uses += 1;
    let used = true;
    return () => {
      if (!used) return;
      used = false;
      this.#uses -= 1;
      this.#letGoIfIdle();
    };
  }

  /** A command of this box; the box is kept until it has ended or is forgotten. */
  adopt(process: BoxProcess): BoxProcess {
    const known = this.#processes.get(process.id);
    if (known !== undefined) return known;
    const adopted: RoutedProcess = new RoutedProcess(process, {
      endedLingerMs: this.#options.endedLingerMs,
      use: () => this.use(),
      onOver: () => {
        if (this.#processes.get(process.id) !== adopted) return;
        this.#processes.delete(process.id);
        this.#letGoIfIdle();
      },
    });
    this.#processes.set(process.id, adopted);
    // Watched only then: most commands end, and are forgotten, while their box is the active one.
    if (this.#left) adopted.watch();
    return adopted;
  }

  /** A command that was started or attached to here and is not known to have ended. */
  process(id: string): BoxProcess | undefined {
    return this.#processes.get(id);
  }

  /** The session works elsewhere: the box is let go when nothing of it is left here. */
  leave(): void {
    this.#left = true;
    for (const process of this.#processes.values()) process.watch();
    this.#letGoIfIdle();
  }

  /** The session is back. */
  enter(pointer: ActivePointer): void {
    this.#left = false;
    this.pointer = pointer;
  }

  close(): Promise<void> {
    if (this.#closing === null) this.#options.onClosed();
    this.#closing ??= this.#dispose();
    return this.#closing;
  }

  async #dispose(): Promise<void> {
    for (const process of this.#processes.values()) process.letGo();
    await this.opened[Symbol.asyncDispose]();
  }

  #letGoIfIdle(): void {
    if (!this.#left || this.closed || this.#uses > 0 || this.#processes.size > 0) return;
    // Nobody waits for it; a holder that cannot be released ends by its own time limit.
    this.close().catch(() => undefined);
  }
}
