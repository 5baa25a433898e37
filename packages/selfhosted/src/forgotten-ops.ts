// Ended commands that nobody asks for any more, told to the machine several at a time: a request for each would cost as
// much as a small command does.
import { bounded } from '@boxyard/sandbox-core';
import type { MachineCalls } from './machine-calls.ts';
import type { OpenHandle } from './open-handle.ts';

const MOST_TOGETHER = 16;
const GATHER_MS = 100;
/** How long they are asked to be forgotten, by an answer that nobody waits for; later they go with time. */
const FORGET_MS = 60_000;
/** Closing waits for them, but not for a machine that is away. */
const CLOSE_WAIT_MS = 1000;

export class ForgottenOps {
  readonly #calls: MachineCalls;
  #opIds: string[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(calls: MachineCalls, handle: OpenHandle) {
    this.#calls = calls;
    handle.onClose(() => bounded({ deadlineMs: CLOSE_WAIT_MS }, 'Forgetting commands', () => this.flush()));
  }

  add(opId: string): void {
    this.#opIds.push(opId);
    if (this.#opIds.length >= MOST_TOGETHER) void this.flush();
    else this.#timer ??= setTimeout(() => void this.flush(), GATHER_MS).unref();
  }

  /** Asked for now. Never rejects. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const [opId, ...moreOpIds] = this.#opIds.splice(0);
    if (opId === undefined) return;
    const signal = AbortSignal.timeout(FORGET_MS);
    const op = { case: 'opForget', value: { opId, moreOpIds } } as const;
    await this.#calls.ask(op, { what: `Forgetting ${opId}`, signal, changes: true }).catch(() => undefined);
  }
}
