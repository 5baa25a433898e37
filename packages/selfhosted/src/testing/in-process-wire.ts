// The wire without a bus: the same frames and the same size guard, in one process, with whatever can go wrong on a
// real one.
import { randomUUID } from 'node:crypto';
import {
  decodeResponse,
  type MachineAddress,
  machineSubjects,
  parseAgentSubject,
} from '@boxyard/agent-proto';
import type { ControlRequest, ControlResponse } from '@boxyard/agent-proto/messages';
import { SandboxError } from '@boxyard/sandbox-core';
import type { HeardStream, MachineLink, RpcOptions } from '../control-rpc.ts';
import type { AgentTransport } from '../server/agent-transport.ts';
import {
  encodedOrRefused,
  failedResponse,
  offlineAgentError,
  protocolAgentError,
  timeoutAgentError,
} from '../wire-answers.ts';
import { FaultyWire, type WireFaults } from './wire-faults.ts';

export interface InProcessWireOptions {
  /** 1 MiB when absent, as NATS has it. */
  readonly maxPayload?: number;
  readonly faults?: WireFaults;
}

type OnRequest = (payload: Uint8Array, reply: (payload: Uint8Array) => void) => void;

/** One machine's wire. `transport` is for `serveBox`, `link()` for each control plane that speaks to it. */
export class InProcessWire {
  readonly machine: MachineAddress = { workspaceId: randomUUID(), agentId: randomUUID() };
  readonly transport: AgentTransport;
  /** What the machine has published, in order. */
  readonly published: { readonly kind: 'hello' | 'events'; readonly payload: Uint8Array }[] = [];
  readonly #wire: FaultyWire;
  readonly #maxPayload: number;
  readonly #onRequest = new Set<OnRequest>();
  readonly #onAck = new Set<(streamId: string, payload: Uint8Array) => void>();
  readonly #onRestored = new Set<() => void>();
  readonly #listeners = new Map<string, Set<(payload: Uint8Array) => void>>();

  constructor({ maxPayload = 1024 * 1024, faults }: InProcessWireOptions = {}) {
    this.#wire = new FaultyWire(faults);
    this.#maxPayload = maxPayload;
    this.transport = {
      maxPayload: () => maxPayload,
      onRequest: (handle) => added(this.#onRequest, handle),
      onAck: (handle) => added(this.#onAck, handle),
      onRestored: (tell) => added(this.#onRestored, tell),
      sendFrame: (streamId, payload) => {
        this.#assertFits(payload);
        const sent = payload.slice();
        this.#wire.carry(() => {
          for (const hear of this.#listeners.get(streamId) ?? []) hear(sent);
        });
      },
      publish: (kind, payload) => {
        this.#assertFits(payload);
        this.#wire.carry(() => void this.published.push({ kind, payload }));
      },
    };
  }

  /** From now on nothing passes, in the middle of whatever is under way, until `mend`. */
  cut(): void {
    this.#wire.cut();
  }

  mend(): void {
    this.#wire.mend();
    for (const tell of this.#onRestored) tell();
  }

  /** Hands a message to the machine as it is, also one that no client would send. */
  deliver(payload: Uint8Array, reply: (payload: Uint8Array) => void): void {
    for (const handle of this.#onRequest) handle(payload, reply);
  }

  /** Nobody serves the machine any more: requests are told so at once. */
  get isServed(): boolean {
    return this.#onRequest.size > 0;
  }

  link(): MachineLink {
    const reader = randomUUID();
    const stops = new Set<() => void>();
    return {
      reader,
      maxPayload: () => this.#maxPayload,
      request: (subject, request, options) => this.#request(subject, request, options),
      listen: async (_machine, streamId, onFrame): Promise<HeardStream> => {
        const hearing = this.#listeners.get(streamId) ?? new Set();
        this.#listeners.set(streamId, hearing);
        hearing.add(onFrame);
        const stop = () => {
          hearing.delete(onFrame);
          if (hearing.size === 0) this.#listeners.delete(streamId);
          stops.delete(stop);
        };
        stops.add(stop);
        return { stop };
      },
      onRestored: (tell) => added(this.#onRestored, tell),
      ack: (_machine, streamId, payload) => {
        this.#wire.carry(() => {
          for (const handle of this.#onAck) handle(streamId, payload);
        });
      },
      close: async () => {
        for (const stop of stops) stop();
      },
    };
  }

  #request(subject: string, request: ControlRequest, options: RpcOptions): Promise<ControlResponse> {
    const { requestId } = request;
    const encoded = encodedOrRefused(request, this.#maxPayload);
    if ('refused' in encoded) return Promise.resolve(encoded.refused);
    const { payload } = encoded;
    const spoken = parseAgentSubject(subject);
    const isOurs = spoken !== null && machineSubjects(spoken).rpc === machineSubjects(this.machine).rpc;
    if (!isOurs || (!this.isServed && !this.#wire.isCut)) {
      const offline = offlineAgentError('Nobody answers for the machine.');
      return Promise.resolve(failedResponse(requestId, offline));
    }
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        options.signal?.removeEventListener('abort', cancel);
      };
      const timer = setTimeout(() => {
        end();
        resolve(failedResponse(requestId, timeoutAgentError()));
      }, options.timeoutMs);
      const cancel = () => {
        end();
        reject(new SandboxError('cancelled', 'Asking the machine was cancelled by its caller.'));
      };
      if (options.signal?.aborted) return cancel();
      options.signal?.addEventListener('abort', cancel, { once: true });
      this.#wire.carry(() => {
        if (!this.isServed) {
          end();
          resolve(failedResponse(requestId, offlineAgentError('Nobody answers for the machine.')));
        }
        for (const handle of this.#onRequest) {
          handle(payload, (answer) => {
            this.#assertFits(answer);
            this.#wire.carry(() => {
              end();
              resolve(
                decodeResponse(answer) ??
                  failedResponse(requestId, protocolAgentError('The reply is unreadable.')),
              );
            });
          });
        }
      });
    });
  }

  /** A bus ends the connection of whoever sends more, so a test must not let it pass. */
  #assertFits(payload: Uint8Array): void {
    if (payload.length > this.#maxPayload) {
      throw new RangeError(`${payload.length} bytes are more than the ${this.#maxPayload} of this wire.`);
    }
  }
}

function added<T>(set: Set<T>, item: T): () => void {
  set.add(item);
  return () => void set.delete(item);
}
