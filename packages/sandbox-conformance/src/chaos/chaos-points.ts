// Counts the points that calls pass and does to them what the plan says.
import { setTimeout as sleep } from 'node:timers/promises';
import { bounded, type CallOptions, SandboxError } from '@boxyard/sandbox-core';
import type { Passage } from '../guard/passage.ts';
import { ChaosDeath, type ChaosFault, type ChaosPlan, seeded } from './chaos-plan.ts';

type Held = { readonly by: object; readonly release: () => void };

export class ChaosPoints implements Passage {
  readonly #planned: ReadonlyMap<number, ChaosFault>;
  readonly #random: (() => ChaosFault | undefined) | null;
  readonly #trail: string[] = [];
  #held: Held[] = [];
  #over: 'fence' | 'die' | null = null;

  constructor(plan: ChaosPlan) {
    this.#planned = new Map(plan.faults?.map(({ point, fault }) => [point, fault]));
    const { random } = plan;
    if (random === undefined) this.#random = null;
    else {
      const next = seeded(random.seed);
      this.#random = () =>
        next() < random.probability ? random.faults[Math.floor(next() * random.faults.length)] : undefined;
    }
  }

  /** The points that were passed so far, by name, in order. */
  get trail(): readonly string[] {
    return this.#trail;
  }

  /** Makes the call between its two points, for as long as its caller waits. */
  call<T>(name: string, options: CallOptions | undefined, run: () => Promise<T>): Promise<T> {
    const own = {};
    return bounded(options, name, async (signal) => {
      await this.#pass(`${name} →`, own, signal);
      const value = await run();
      await this.#pass(`${name} ←`, own, signal);
      return value;
    });
  }

  /** The items of `source`, each after a point of its own. */
  async *items<T>(
    name: string,
    signal: AbortSignal | undefined,
    source: AsyncIterable<T>,
  ): AsyncGenerator<T, void, void> {
    const own = {};
    const never = new AbortController().signal;
    for await (const item of source) {
      await this.#pass(`${name} ←`, own, signal ?? never);
      if (signal?.aborted) return;
      yield item;
    }
  }

  async #pass(name: string, own: object, signal: AbortSignal): Promise<void> {
    const number = this.#trail.push(name);
    this.#assertGoingOn(name);
    const fault = this.#planned.get(number) ?? this.#random?.();
    if (fault !== undefined) await this.#apply(fault, name, own, signal);
    this.#release(own);
    this.#assertGoingOn(name);
  }

  async #apply(fault: ChaosFault, name: string, own: object, signal: AbortSignal): Promise<void> {
    switch (fault.kind) {
      case 'delay':
        return sleep(fault.delayMs, undefined, { signal }).catch(() => undefined);
      case 'drop':
        await aborted(signal);
        throw new SandboxError(
          'unreachable',
          `${name} was lost on its way; look at the result before you repeat it.`,
        );
      case 'reorder':
        return new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve(), { once: true });
          this.#held.push({ by: own, release: resolve });
        });
      case 'fence':
      case 'die':
        this.#over = fault.kind;
    }
  }

  /** Lets those go that wait for the message of another call. */
  #release(own: object): void {
    const [going, staying] = [
      this.#held.filter((held) => held.by !== own),
      this.#held.filter((held) => held.by === own),
    ];
    this.#held = staying;
    for (const { release } of going) release();
  }

  #assertGoingOn(name: string): void {
    if (this.#over === 'die') throw new ChaosDeath(`the caller died at ${name}`);
    if (this.#over === 'fence') {
      throw new SandboxError('fenced', `${name}: somebody else owns the box now; open it again.`, {
        // On the way out the call has been made, and its caller must not make it again.
        started: name.endsWith('→') ? 'no' : 'unknown',
      });
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
