import { type AgentInstance, agentSubjects, machineSubjects, parseOpSubject } from '@boxyard/agent-proto';
import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import { RestoredLinks } from '../restored-links.ts';
import type { AgentTransport } from './agent-transport.ts';

/** The two connections of an agent: requests on the one, output on the other. */
export interface AgentConnections {
  readonly requests: NatsConnection;
  readonly output: NatsConnection;
}

export interface NatsAgentTransportOptions {
  readonly agent: AgentInstance;
  /** Also answers in the form that names the machine only, for a control plane that knows no instances. */
  readonly legacySubject?: boolean | undefined;
}

type OnRequest = (payload: Uint8Array, reply: (payload: Uint8Array) => void) => void;
type OnAck = (streamId: string, payload: Uint8Array) => void;

/**
 * One agent process on NATS. Connections are handed in and replaced while work goes on: the new pair hears everything
 * before the old one is drained, and a queue group keeps a request from being heard twice.
 */
export class NatsAgentTransport implements AgentTransport {
  readonly #options: NatsAgentTransportOptions;
  readonly #subjects: ReturnType<typeof agentSubjects>;
  readonly #onRequest = new Set<OnRequest>();
  readonly #onAck = new Set<OnAck>();
  readonly #restored = new RestoredLinks();
  /** Of the last frame: the next one is most often of the same stream. */
  #frames = { streamId: '', subject: '' };
  #current: (AgentConnections & { readonly subscriptions: readonly Subscription[] }) | null = null;

  constructor(options: NatsAgentTransportOptions) {
    this.#options = options;
    this.#subjects = agentSubjects(options.agent);
  }

  /**
   * Serves on these connections from now on; requests are heard once it resolves.
   *
   * @returns Lets go of them: nothing new is heard there, what was heard is still answered there. Closing them is
   * for whoever made them.
   */
  async use(connections: AgentConnections): Promise<() => Promise<void>> {
    const { requests, output } = connections;
    const queue = this.#options.agent.instance;
    const answer = (
      error: Error | null,
      message: { data: Uint8Array; respond(data: Uint8Array): boolean },
    ) => {
      if (error !== null) return;
      let replied = false;
      const reply = (payload: Uint8Array) => {
        if (replied) return;
        replied = true;
        try {
          message.respond(payload);
        } catch {
          // Its connection has been given up meanwhile; whoever waits for the reply asks again.
        }
      };
      for (const handle of this.#onRequest) handle(message.data, reply);
    };
    const acked = (error: Error | null, message: { subject: string; data: Uint8Array }) => {
      const stream = error === null ? parseOpSubject(message.subject) : null;
      if (stream?.isAck === true) for (const handle of this.#onAck) handle(stream.streamId, message.data);
    };
    const rpc = [this.#subjects.rpc];
    if (this.#options.legacySubject === true) rpc.push(machineSubjects(this.#options.agent).rpc);
    const subscriptions = [
      ...rpc.map((subject) => requests.subscribe(subject, { queue, callback: answer })),
      output.subscribe(this.#subjects.allAcks, { queue, callback: acked }),
      output.subscribe(this.#subjects.allReaderAcks, { queue, callback: acked }),
    ];
    await Promise.all([requests.flush(), output.flush()]);
    const mine = { requests, output, subscriptions };
    this.#current = mine;
    // What was on its way over the connections before may have been lost with them.
    this.#restored.tell();
    void this.#restored.follow(output);
    return async () => {
      if (this.#current === mine) this.#current = null;
      await Promise.all(subscriptions.map((one) => one.drain().catch(() => undefined)));
    };
  }

  maxPayload(): number {
    return this.#current?.requests.info?.max_payload ?? 1024 * 1024;
  }

  onRequest(handle: OnRequest): () => void {
    this.#onRequest.add(handle);
    return () => void this.#onRequest.delete(handle);
  }

  onAck(handle: OnAck): () => void {
    this.#onAck.add(handle);
    return () => void this.#onAck.delete(handle);
  }

  onRestored(tell: () => void): () => void {
    return this.#restored.onRestored(tell);
  }

  sendFrame(streamId: string, payload: Uint8Array): void {
    if (this.#frames.streamId !== streamId) this.#frames = { streamId, subject: this.#subjects.op(streamId) };
    this.#publish('output', this.#frames.subject, payload);
  }

  publish(kind: 'hello' | 'events', payload: Uint8Array): void {
    this.#publish('requests', this.#subjects[kind], payload);
  }

  /** What cannot be sent is lost, as on any wire: whoever needs it asks again. */
  #publish(over: keyof AgentConnections, subject: string, payload: Uint8Array): void {
    const connection = this.#current?.[over];
    if (connection === undefined || connection.isClosed() || connection.isDraining()) return;
    connection.publish(subject, payload);
  }
}
