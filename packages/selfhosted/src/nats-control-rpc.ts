import { randomUUID } from 'node:crypto';
import {
  agentSubjects,
  decodeResponse,
  type MachineAddress,
  machineOpFrames,
  parseAgentSubject,
  parseOpSubject,
  readerFrames,
} from '@boxyard/agent-proto';
import type { ControlRequest, ControlResponse } from '@boxyard/agent-proto/messages';
import { SandboxError } from '@boxyard/sandbox-core';
import { type NatsConnection, NoRespondersError, RequestError, TimeoutError } from '@nats-io/transport-node';
import type { HeardStream, InstanceDirectory, MachineLink, RpcOptions } from './control-rpc.ts';
import { Memoised } from './memoised.ts';
import { RestoredLinks } from './restored-links.ts';
import {
  encodedOrRefused,
  failedResponse,
  offlineAgentError,
  protocolAgentError,
  timeoutAgentError,
} from './wire-answers.ts';

/** What NATS takes when it has not said anything else. */
const DEFAULT_MAX_PAYLOAD = 1024 * 1024;
/** A frame of an op that an agent of an older kind serves is heard only after the server knows of the wish. */
const FLUSH_MS = 5000;

/**
 * How a control plane connects: for ever, and noticing within a minute that nobody is there. A private inbox prefix and
 * credentials come from whoever makes the connection.
 */
export const NATS_LINK_OPTIONS = {
  reconnect: true,
  maxReconnectAttempts: -1,
  reconnectTimeWait: 2000,
  reconnectJitter: 1000,
  reconnectJitterTLS: 1000,
  pingInterval: 20_000,
  maxPingOut: 3,
  // A stack for each request, in case that it fails, costs more than sending it.
  noAsyncTraces: true,
} as const;

export interface NatsControlRpcOptions {
  /** Asked on first use and again after a failure; null when no bus is configured. */
  readonly connect: () => Promise<NatsConnection | null>;
  /** A second connection, for output. The first one carries it too when absent. */
  readonly connectFrames?: (() => Promise<NatsConnection | null>) | undefined;
  /** Every machine is spoken to in the base form when absent. */
  readonly instances?: InstanceDirectory | undefined;
}

/** Machines over NATS. Constructing it does no I/O and never fails; without a bus every machine is offline. */
export class NatsControlRpc implements MachineLink {
  readonly reader = randomUUID();
  readonly #requests: Memoised<NatsConnection>;
  readonly #frames: Memoised<NatsConnection>;
  readonly #instances: InstanceDirectory | undefined;
  readonly #listeners = new Map<string, (payload: Uint8Array) => void>();
  readonly #heard = new WeakMap<NatsConnection, Promise<void>>();
  readonly #restored = new RestoredLinks();
  #maxPayload: number | null = null;

  constructor({ connect, connectFrames, instances }: NatsControlRpcOptions) {
    this.#requests = new Memoised(connect, isUsable);
    this.#frames = connectFrames === undefined ? this.#requests : new Memoised(connectFrames, isUsable);
    this.#instances = instances;
  }

  maxPayload(): number | null {
    return this.#maxPayload;
  }

  async request(subject: string, request: ControlRequest, options: RpcOptions): Promise<ControlResponse> {
    const { requestId } = request;
    const { signal } = options;
    const connection = await cancellable(
      this.#requests.get().catch(() => null),
      signal,
    );
    if (connection === null) {
      return failedResponse(requestId, offlineAgentError('There is no connection to the bus.', true));
    }
    this.#maxPayload = connection.info?.max_payload ?? DEFAULT_MAX_PAYLOAD;
    const encoded = encodedOrRefused(request, this.#maxPayload);
    if ('refused' in encoded) return encoded.refused;
    try {
      const address = await this.#newestSubject(subject);
      const asked = connection.request(address, encoded.payload, { timeout: options.timeoutMs });
      const { data } = await cancellable(asked, signal);
      return (
        decodeResponse(data) ??
        failedResponse(requestId, protocolAgentError('The reply of the machine cannot be read.'))
      );
    } catch (error) {
      if (SandboxError.isInstance(error)) throw error;
      return failedResponse(requestId, errorOf(error));
    }
  }

  async listen(
    machine: MachineAddress,
    streamId: string,
    onFrame: (payload: Uint8Array) => void,
  ): Promise<HeardStream> {
    const connection = await this.#frames.get().catch(() => null);
    if (connection === null) throw noBus();
    if (!streamId.startsWith(`${this.reader}.`)) {
      const subscription = connection.subscribe(machineOpFrames(machine, streamId), {
        callback: (error, message) => {
          if (error === null) onFrame(message.data);
        },
      });
      await flush(connection);
      return { stop: () => subscription.unsubscribe() };
    }
    const key = listenerKey(machine, streamId);
    this.#listeners.set(key, onFrame);
    const heard = this.#heard.get(connection) ?? this.#hear(connection);
    this.#heard.set(connection, heard);
    await heard;
    return { stop: () => void this.#listeners.delete(key) };
  }

  onRestored(tell: () => void): () => void {
    return this.#restored.onRestored(tell);
  }

  ack(machine: MachineAddress, streamId: string, payload: Uint8Array): void {
    void this.#sendAck(machine, streamId, payload);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    await Promise.all([this.#requests.close(endConnection), this.#frames.close(endConnection)]);
  }

  /** One subscription for all streams of this process. Whose a frame is, its subject says. */
  async #hear(connection: NatsConnection): Promise<void> {
    void this.#restored.follow(connection);
    // Of the last frame: the next one is most often of the same stream.
    let last = { subject: '', key: '' };
    connection.subscribe(readerFrames(this.reader), {
      callback: (error, message) => {
        if (error !== null) return;
        const { subject, data } = message;
        if (subject !== last.subject) {
          const from = parseOpSubject(subject);
          if (from === null) return;
          last = { subject, key: listenerKey(from, from.streamId) };
        }
        this.#listeners.get(last.key)?.(data);
      },
    });
    await flush(connection);
  }

  async #sendAck(machine: MachineAddress, streamId: string, payload: Uint8Array): Promise<void> {
    const [connection, instance] = await Promise.all([
      this.#frames.get().catch(() => null),
      this.#instances?.newestInstance(machine) ?? null,
    ]);
    if (connection === null || instance === null || connection.isClosed()) return;
    connection.publish(agentSubjects({ ...machine, instance }).ack(streamId), payload);
  }

  async #newestSubject(subject: string): Promise<string> {
    const spoken = parseAgentSubject(subject);
    if (spoken === null || spoken.instance !== null) return subject;
    const instance = (await this.#instances?.newestInstance(spoken)) ?? null;
    return instance === null ? subject : agentSubjects({ ...spoken, instance }).rpc;
  }
}

const isUsable = (connection: NatsConnection) => !connection.isClosed() && !connection.isDraining();
const listenerKey = ({ workspaceId, agentId }: MachineAddress, streamId: string) =>
  `${workspaceId}/${agentId}/${streamId}`;

async function endConnection(connection: NatsConnection): Promise<void> {
  if (!connection.isClosed()) await connection.close();
}

async function flush(connection: NatsConnection): Promise<void> {
  const late = AbortSignal.timeout(FLUSH_MS);
  // A connection that is away makes its subscriptions again by itself when it is back.
  await cancellable(connection.flush(), late).catch(() => undefined);
}

function errorOf(error: unknown) {
  if (error instanceof NoRespondersError) return offlineAgentError('Nobody answers for the machine.');
  if (error instanceof RequestError && error.isNoResponders()) {
    return offlineAgentError('Nobody answers for the machine.');
  }
  if (error instanceof TimeoutError) return timeoutAgentError();
  // The connection went away in the middle: the request may have arrived.
  return timeoutAgentError('The connection to the bus went away before the machine had answered.');
}

/** The work, or `cancelled` as soon as the signal aborts. */
function cancellable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const stop = () => reject(cancelled(signal));
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

const cancelled = (signal: AbortSignal) =>
  new SandboxError(
    'cancelled',
    'Asking the machine was cancelled by its caller. Look at the result before you repeat it.',
    { cause: signal.reason },
  );

const noBus = () =>
  new SandboxError('unreachable', 'There is no connection to the bus of the machines; try again later.', {
    started: 'no',
  });
