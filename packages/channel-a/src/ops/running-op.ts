import { setTimeout as delay } from 'node:timers/promises';
import type {
  BoxProcess,
  ExitStatus,
  OpRecord,
  OpResult,
  OpStore,
  OutputCursor,
} from '@boxyard/sandbox-core';
import { OUTPUT_START } from '@boxyard/sandbox-core';
import type { OutputEvents } from '../output-events.ts';
import { exitedEvent, LONGEST_RUN_MS, lostReason, type OpEnd, resultOf } from './op-end.ts';
import type { OutputChannel, OutputCollector } from './output-collector.ts';

export interface RunningOpOptions {
  readonly op: OpRecord;
  readonly store: OpStore;
  readonly process: BoxProcess;
  /** Finds the command again after its handle broke. Throws `gone`, `fenced` or `not-found` when it is no more. */
  readonly reattach: (signal: AbortSignal) => Promise<BoxProcess>;
  /** Null when its output is not told. */
  readonly events: OutputEvents<OutputChannel> | null;
  /** Null when nobody waits for its output. */
  readonly collector: OutputCollector | null;
  /** By `performance.now`. */
  readonly startedMs: number;
}

/** How long a box may be silent before its command is left to whoever looks after it next. */
const SILENCE_MS = 5 * 60_000;
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 5_000;

/** Follows one command to its end and records it. The command itself needs none of this to go on. */
export class RunningOp {
  readonly op: OpRecord;
  /** How it ended, once that is recorded; null when this process let go of it before. Never rejects unheard. */
  readonly ended: Promise<OpResult | null>;
  readonly #options: RunningOpOptions;
  readonly #letGo = new AbortController();
  #process: BoxProcess;
  #collector: OutputCollector | null;

  constructor(options: RunningOpOptions) {
    this.op = options.op;
    this.#options = options;
    this.#process = options.process;
    this.#collector = options.collector;
    this.ended = this.#followToEnd();
    this.ended.catch(() => undefined);
  }

  /** The command as it can be reached now. */
  get process(): BoxProcess {
    return this.#process;
  }

  get startedMs(): number {
    return this.#options.startedMs;
  }

  /** What it printed so far, as far as it is kept for an answer. */
  get output(): OutputCollector | null {
    return this.#collector;
  }

  /** Nobody waits for the output any more: it is not kept in memory. */
  dropOutput(): void {
    this.#collector = null;
  }

  /** Stops following. The command goes on and its record stays `running`. */
  letGo(): void {
    this.#letGo.abort();
  }

  async #followToEnd(): Promise<OpResult | null> {
    const { op, store, events, startedMs } = this.#options;
    const end = await this.#follow();
    if (end === null) return null;
    const result = resultOf(end, Math.max(0, performance.now() - startedMs));
    const told = events === null ? [] : await events.end();
    await store.finish(op, end.state, result, [...told, exitedEvent(op, result)]);
    return result;
  }

  async #follow(): Promise<OpEnd | null> {
    const { signal } = this.#letGo;
    let cursor: OutputCursor = OUTPUT_START;
    let lastHeardMs = performance.now();
    let retryMs = FIRST_RETRY_MS;
    while (!signal.aborted) {
      try {
        if (this.#listens) {
          for await (const event of this.#process.output({ from: cursor, signal })) {
            cursor = event.next;
            lastHeardMs = performance.now();
            retryMs = FIRST_RETRY_MS;
            if (event.kind === 'chunk') {
              this.#collector?.push(event.channel, event.bytes);
              this.#options.events?.push(event.channel, event.bytes);
            }
            // A flood that nobody keeps is not read on: only its end matters.
            if (!this.#listens) break;
          }
        }
        return { state: 'ended', status: await this.#exited(signal) };
      } catch (error) {
        if (signal.aborted) return null;
        const reason = lostReason(error);
        if (reason !== null) return { state: 'lost', reason };
        if (performance.now() - lastHeardMs > SILENCE_MS) return null;
        await delay(retryMs, undefined, { signal }).catch(() => undefined);
        retryMs = Math.min(2 * retryMs, LONGEST_RETRY_MS);
        try {
          if (!signal.aborted) this.#process = await this.#options.reattach(signal);
        } catch (failure) {
          const lost = lostReason(failure);
          if (lost !== null) return { state: 'lost', reason: lost };
        }
      }
    }
    return null;
  }

  get #listens(): boolean {
    const { events } = this.#options;
    return (this.#collector !== null && !this.#collector.full) || (events !== null && !events.elided);
  }

  #exited(signal: AbortSignal): Promise<ExitStatus> {
    return this.#process.exited({ signal, deadlineMs: LONGEST_RUN_MS });
  }
}
