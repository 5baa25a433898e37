// Hears what machines say of themselves and writes it down.
import { type MachineAddress, parseAgentSubject, type SpokenSubject } from '@boxyard/agent-proto';
import type { MachineBeat, MachineRegistry } from '@boxyard/sandbox-core';
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import type { MachineInstances } from './machine-instances.ts';
import { metricsOf, readEvent, readHello, speakerOf } from './machine-reports.ts';
import { TokenBuckets } from './rate-limits.ts';

/** One of all control planes hears each message. */
const QUEUE = 'boxyard-registry';
/** Heartbeats of so long are one statement; the goodbye of a machine does not wait for it. */
const FLUSH_MS = 500;
/** For each machine: one that does nothing but talk is not to keep the record busy. */
const MACHINE_LIMIT = { burst: 30, perSecond: 4 };
const RETRIES_MS = [200, 1_000, 3_000];

const HELLOS = ['agent.*.*.hello', 'agent.*.*.connection.*.hello'];
const EVENTS = ['agent.*.*.events', 'agent.*.*.connection.*.events'];

export interface MachineIngestOptions {
  readonly connection: NatsConnection;
  readonly registry: MachineRegistry;
  readonly instances: MachineInstances;
  /** The record could not be written; a heartbeat is lost then, the next one comes. */
  readonly onTrouble: (error: unknown) => void;
  /** A process of this machine has said hello: it is here, and what it had been asked before may have been lost. */
  readonly onHello?: (machine: MachineAddress) => void;
  /** A message was dropped, and why: nobody can read it, it speaks of another machine, or there are too many. */
  readonly onDropped?: (why: 'unreadable' | 'too-many') => void;
}

/** Writes hellos and goodbyes at once, and heartbeats twice a second. */
export class MachineIngest implements AsyncDisposable {
  readonly #options: MachineIngestOptions;
  readonly #limits = new TokenBuckets(MACHINE_LIMIT);
  readonly #subscriptions: Subscription[] = [];
  readonly #writing = new Set<Promise<void>>();
  readonly #stopped = new AbortController();
  #beats = new Map<string, MachineBeat>();
  #timer: NodeJS.Timeout | null = null;

  constructor(options: MachineIngestOptions) {
    this.#options = options;
  }

  /** Resolves once nothing that is said can be missed. */
  async start(): Promise<void> {
    const { connection, instances, onHello } = this.#options;
    const hear = (
      subject: string,
      queue: string | null,
      heard: (spoken: SpokenSubject, message: Msg) => void,
    ) =>
      this.#subscriptions.push(
        connection.subscribe(subject, {
          ...(queue === null ? {} : { queue }),
          callback: (error, message) => {
            const spoken = error === null ? parseAgentSubject(message.subject) : null;
            if (spoken !== null) heard(spoken, message);
          },
        }),
      );
    for (const subject of HELLOS) {
      hear(subject, QUEUE, (spoken, message) => this.#hello(spoken, message.data));
      // Every control plane on its own account: it may be the one that speaks to the machine next.
      hear(subject, null, (spoken) => {
        const { workspaceId, agentId, instance } = spoken;
        instances.heard(spoken, instance);
        onHello?.({ workspaceId, agentId });
      });
    }
    for (const subject of EVENTS)
      hear(subject, QUEUE, (spoken, message) => this.#event(spoken, message.data));
    await connection.flush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#flush();
    this.#stopped.abort();
    await Promise.all(this.#writing);
  }

  #hello(spoken: SpokenSubject, payload: Uint8Array): void {
    const hello = readHello(spoken, payload);
    if (hello === null) this.#dropped('unreadable');
    else if (this.#mayWrite(spoken))
      this.#write(async () => void (await this.#options.registry.hello(hello)));
  }

  #event(spoken: SpokenSubject, payload: Uint8Array): void {
    const event = readEvent(spoken, payload);
    const process = `${spoken.agentId} ${spoken.instance}`;
    if (event?.case === 'heartbeat') {
      const { draining, metrics } = event.value;
      if (!this.#mayWrite(spoken)) return;
      this.#beats.set(process, {
        ...speakerOf(spoken),
        draining,
        metrics: metrics === undefined ? null : metricsOf(metrics),
      });
      this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS).unref();
    } else if (event?.case === 'goingOffline') {
      if (!this.#mayWrite(spoken)) return;
      this.#beats.delete(process);
      this.#write(() => this.#options.registry.goodbye(speakerOf(spoken)));
    } else this.#dropped('unreadable');
  }

  #mayWrite({ agentId }: SpokenSubject): boolean {
    const passes = this.#limits.take(agentId) === null;
    if (!passes) this.#dropped('too-many');
    return passes;
  }

  #dropped(why: 'unreadable' | 'too-many'): void {
    this.#options.onDropped?.(why);
  }

  #flush(): void {
    this.#timer = null;
    const beats = [...this.#beats.values()];
    this.#beats = new Map();
    if (beats.length === 0) return;
    const written = this.#options.registry.beats(beats).catch(this.#options.onTrouble);
    this.#hold(written);
  }

  /** Tried a few times: unlike a heartbeat it is said once. */
  #write(work: () => Promise<void>): void {
    const attempt = async (tries: number): Promise<void> => {
      try {
        await work();
      } catch (error) {
        const waitMs = RETRIES_MS[tries];
        if (waitMs === undefined || this.#stopped.signal.aborted) {
          this.#options.onTrouble(error);
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, waitMs).unref());
        await attempt(tries + 1);
      }
    };
    this.#hold(attempt(0));
  }

  #hold(work: Promise<void>): void {
    const held = work.finally(() => this.#writing.delete(held));
    this.#writing.add(held);
  }
}
