import {
  type AgentEvent,
  AgentEventSchema,
  type GoingOfflineReason,
  GoingOfflineSchema,
  HeartbeatSchema,
  type HostCapacitySample,
  type MetricsSample,
} from '@boxyard/agent-proto/messages';
import { create, toBinary } from '@bufbuild/protobuf';
import type { AgentTransport } from './agent-transport.ts';

/** What a beat tells beside the machine's own numbers. */
export interface BeatState {
  readonly activeSessions: number;
  readonly draining: boolean;
  readonly running: number;
  readonly queued: number;
  readonly liveOps: number;
}

export interface HeartbeatOptions {
  readonly transport: AgentTransport;
  readonly agentId: string;
  readonly intervalMs: number;
  readonly state: () => BeatState;
  readonly metrics?: (() => Promise<MetricsSample>) | undefined;
  readonly capacity?: (() => Promise<HostCapacitySample>) | undefined;
}

/** Tells at even times that the agent lives. Taking a sample never delays a beat: the last one is told again. */
export class Heartbeats {
  readonly #options: HeartbeatOptions;
  #timer: NodeJS.Timeout | undefined;
  #seq = 0n;
  #metrics: MetricsSample | undefined;
  #capacity: HostCapacitySample | undefined;
  #sampling = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** From now on, counted anew: once for each connection. */
  start(): void {
    this.stop();
    this.#seq = 0n;
    this.#timer = setInterval(() => this.#beat(), this.#options.intervalMs);
    this.#timer.unref();
    this.#beat();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  goingOffline(reason: GoingOfflineReason, message: string): void {
    this.stop();
    const value = create(GoingOfflineSchema, { reason, message });
    this.#publish({ case: 'goingOffline', value });
  }

  #beat(): void {
    const { activeSessions, draining, running, queued, liveOps } = this.#options.state();
    const value = create(HeartbeatSchema, {
      seq: ++this.#seq,
      uptimeMs: BigInt(Math.round(process.uptime() * 1000)),
      activeSessions,
      draining,
      ...(this.#metrics === undefined ? {} : { metrics: this.#metrics }),
      ...(this.#capacity === undefined ? {} : { capacity: this.#capacity }),
      admission: { heavyRunning: BigInt(running), heavyQueued: BigInt(queued), liveOps: BigInt(liveOps) },
    });
    this.#publish({ case: 'heartbeat', value });
    void this.#sample();
  }

  async #sample(): Promise<void> {
    if (this.#sampling) return;
    this.#sampling = true;
    const { metrics, capacity } = this.#options;
    // A machine that cannot be measured is still there.
    const [sample, room] = await Promise.all([
      metrics?.().catch(() => undefined),
      capacity?.().catch(() => undefined),
    ]);
    this.#metrics = sample;
    this.#capacity = room;
    this.#sampling = false;
  }

  #publish(event: AgentEvent['event']): void {
    const { agentId, transport } = this.#options;
    transport.publish('events', toBinary(AgentEventSchema, create(AgentEventSchema, { agentId, event })));
  }
}
