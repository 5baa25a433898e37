// A box over the wire. The transport brings requests and takes frames away; the policy says what the owner of the
// machine allows; everything else is the box's own business.
import { randomUUID } from 'node:crypto';
import { decodeRequest, encodeResponse } from '@boxyard/agent-proto';
import {
  type ControlRequest,
  type ControlResponse,
  ControlResponseSchema,
  ErrorCode,
  type GoingOfflineReason,
  type Hello,
  HelloSchema,
  OpAckSchema,
} from '@boxyard/agent-proto/messages';
import type { Box, BoxCapabilities, CallOptions } from '@boxyard/sandbox-core';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { agentErrorOf, WireRefusal } from '../machine-failure.ts';
import type { AgentTransport } from './agent-transport.ts';
import { AllowedPaths } from './allowed-paths.ts';
import { FairQueue } from './fair-queue.ts';
import { Heartbeats } from './heartbeats.ts';
import { OP_TIMINGS, OpTable, type OpTimings } from './op-table.ts';
import type { AgentSelf, AuditEntry, Policy } from './policy.ts';
import { RelayTerminals } from './relay-terminals.ts';
import { ReplyRecord } from './reply-record.ts';
import { type HandlerParts, handleRequest } from './request-handlers.ts';
import { kindOf, type RequestKind, subjectOf } from './request-kinds.ts';
import { ScopeFence } from './scope-fence.ts';

const BOX_OFFER_REVISION = 1;
const DEFAULT_MAX_CONCURRENT = 16;
const DEFAULT_MAX_WAITING = 1024;
const HEARTBEAT_MS = 5000;
/** A session counts as active for so long after it has asked for something. */
const ACTIVE_SESSION_MS = 60_000;

export interface ServeBoxOptions extends Policy {
  readonly self: AgentSelf;
  /** Milliseconds between two beats; 5000 when absent, 0 for none. */
  readonly heartbeatMs?: number | undefined;
  readonly timings?: Partial<OpTimings> | undefined;
}

export interface ServedBox {
  /** What is said on every connect. */
  hello(): Hello;
  /** Publishes the hello and counts heartbeats anew: to be called once each time a connection stands. */
  announce(): void;
  /** Takes no new work, says so, and resolves when what runs has ended or the signal aborts. */
  drain(reason: GoingOfflineReason, signal: AbortSignal): Promise<void>;
  /** Hears nothing any more. Commands of the box go on; the box itself stays open. Idempotent. */
  close(): Promise<void>;
  /** Ops, terminals and requests under way. */
  readonly active: number;
}

/** Serves the box from now on. What the policy does not allow is refused before anything is touched. */
export function serveBox(transport: AgentTransport, box: Box, options: ServeBoxOptions): ServedBox {
  return new BoxServer(transport, box, options);
}

class BoxServer implements ServedBox {
  readonly #transport: AgentTransport;
  readonly #box: Box;
  readonly #options: ServeBoxOptions;
  readonly #process = randomUUID();
  readonly #paths: AllowedPaths;
  readonly #ops: OpTable;
  readonly #terminals: RelayTerminals;
  readonly #queue: FairQueue;
  readonly #replies = new ReplyRecord();
  readonly #fence = new ScopeFence();
  readonly #parts: HandlerParts;
  readonly #beats: Heartbeats;
  readonly #sessions = new Map<string, number>();
  readonly #closing = new AbortController();
  readonly #stops: readonly (() => void)[];
  #draining = false;

  constructor(transport: AgentTransport, box: Box, options: ServeBoxOptions) {
    this.#transport = transport;
    this.#box = box;
    this.#options = options;
    this.#paths = new AllowedPaths(box, options.roots ?? []);
    this.#ops = new OpTable(box, transport, { ...OP_TIMINGS, ...options.timings });
    this.#terminals = new RelayTerminals(box, this.#paths, options.self, options.dialRelay);
    const { maxConcurrent = DEFAULT_MAX_CONCURRENT, maxWaiting = DEFAULT_MAX_WAITING } = options;
    this.#queue = new FairQueue(maxConcurrent, maxWaiting);
    this.#parts = {
      box,
      transport,
      policy: options,
      self: options.self,
      paths: this.#paths,
      ops: this.#ops,
      terminals: this.#terminals,
      hello: () => this.hello(),
    };
    this.#beats = new Heartbeats({
      transport,
      agentId: options.self.agentId,
      intervalMs: options.heartbeatMs ?? HEARTBEAT_MS,
      metrics: options.metrics,
      capacity: options.capacity,
      state: () => ({
        activeSessions: this.#activeSessions(),
        draining: this.#draining,
        running: this.#queue.running,
        queued: this.#queue.waiting,
        liveOps: this.#ops.live,
      }),
    });
    this.#stops = [
      transport.onRequest((payload, reply) => void this.#answer(payload).then(reply)),
      transport.onAck((streamId, payload) => this.#ack(streamId, payload)),
    ];
  }

  get active(): number {
    return this.#ops.live + this.#terminals.count + this.#queue.running;
  }

  hello(): Hello {
    const { self, wholeMachine, screenControl, screen, readOnly = false } = this.#options;
    const { capabilities: box, workspaceRoot } = this.#box;
    const display = screen?.display ?? null;
    return create(HelloSchema, {
      ...self,
      workspaceRoot,
      resumeToken: this.#process,
      capabilities: {
        exec: wholeMachine && !readOnly,
        filesystem: wholeMachine,
        git: wholeMachine && !readOnly,
        pty: wholeMachine && !readOnly && box.terminal.available && this.#options.dialRelay !== undefined,
        desktop: display !== null,
        desktopUnavailableReason: display === null ? (screen?.unavailable ?? '') : '',
        consentedWholeMachine: wholeMachine,
        consentedScreenControl: screenControl,
        opStream: true,
        ...(display === null ? {} : { display }),
        box: {
          revision: BOX_OFFER_REVISION,
          lacks: this.#lacks(box),
          roots: [...this.#paths.roots],
          readOnly,
          relayPorts: this.#options.dialRelay !== undefined,
        },
      },
    });
  }

  announce(): void {
    this.#transport.publish('hello', toBinary(HelloSchema, this.hello()));
    if (this.#options.heartbeatMs !== 0) this.#beats.start();
  }

  async drain(reason: GoingOfflineReason, signal: AbortSignal): Promise<void> {
    this.#draining = true;
    this.#beats.goingOffline(reason, '');
    const stop = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([stop, Promise.all([this.#queue.idle(), this.#ops.idle(signal)])]);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#beats.stop();
    for (const stop of this.#stops) stop();
    await Promise.all([this.#ops.close(), this.#terminals.closeAll()]);
  }

  /** Never rejects: what cannot be understood is answered too, because somebody waits for it. */
  async #answer(payload: Uint8Array): Promise<Uint8Array> {
    const request = decodeRequest(payload);
    if (request === null) {
      return this.#encode(
        '',
        'unreadable',
        new WireRefusal(ErrorCode.PROTOCOL, 'The request cannot be read.'),
      );
    }
    const kind = kindOf(request);
    const { requestId, op } = request;
    const name = op.case ?? 'empty';
    if (kind === null) {
      return this.#encode(
        requestId,
        name,
        new WireRefusal(ErrorCode.UNSUPPORTED, `${name} is not served here.`),
      );
    }
    const work = () => this.#carryOut(request, kind, name);
    return kind.recorded ? this.#replies.once(requestId, work) : work();
  }

  async #carryOut(request: ControlRequest, kind: RequestKind, name: string): Promise<Uint8Array> {
    let outcome: AuditEntry['outcome'] = 'refused';
    let reply: ControlResponse['result'] | WireRefusal | Error;
    try {
      this.#admit(request, kind);
      outcome = 'failed';
      const run = () => handleRequest(this.#parts, request, this.#callOf(request));
      reply = await (kind.immediate ? run() : this.#queue.run(request.fenceScope, run));
      outcome = name === 'opStart' || name === 'ptyOpen' ? 'begun' : 'done';
    } catch (error) {
      reply = error instanceof Error ? error : new Error(String(error));
    }
    this.#tell(request, kind, name, outcome, reply);
    return this.#encode(request.requestId, name, reply);
  }

  /** Every refusal that needs no look at the box. @throws WireRefusal */
  #admit(request: ControlRequest, kind: RequestKind): void {
    const { wholeMachine, screenControl, readOnly = false } = this.#options;
    if (request.onlyProcess !== '' && request.onlyProcess !== this.#process) {
      throw new WireRefusal(ErrorCode.STREAM, 'The agent has been started again since.', {
        box_code: 'outcome-unknown',
      });
    }
    if (request.op.case === 'desktopInput' && !screenControl) {
      throw consent('The owner of the machine has not allowed control of its screen.');
    }
    if (kind.consent && !wholeMachine) throw consent('The owner of the machine has not allowed its use.');
    if (!kind.changes) return;
    if (readOnly) throw consent('The owner of the machine allows reading only.');
    if (this.#draining) {
      throw new WireRefusal(ErrorCode.DRAINING, 'The agent is stopping and takes no new work.');
    }
    this.#fence.check(request.fenceScope, request.epoch);
  }

  #callOf({ fenceScope, epoch }: ControlRequest): CallOptions {
    if (fenceScope === '') return { signal: this.#closing.signal };
    this.#sessions.set(fenceScope, performance.now());
    return { signal: this.#closing.signal, fence: { sessionId: fenceScope, activeEpoch: epoch } };
  }

  #encode(requestId: string, name: string, reply: ControlResponse['result'] | Error): Uint8Array {
    const response = create(ControlResponseSchema, { requestId, process: this.#process });
    if (reply instanceof Error) response.error = agentErrorOf(reply);
    else response.result = reply;
    return encodeResponse(response, name, this.#transport.maxPayload());
  }

  #tell(
    request: ControlRequest,
    kind: RequestKind,
    op: string,
    outcome: AuditEntry['outcome'],
    reply: ControlResponse['result'] | Error,
  ): void {
    const { audit } = this.#options;
    // What has begun is in the log already; its bytes are nobody's business.
    if (audit === undefined || (kind.immediate && outcome !== 'refused')) return;
    const error = reply instanceof Error ? agentErrorOf(reply) : null;
    audit({
      at: new Date(),
      requestId: request.requestId,
      scope: request.fenceScope,
      op,
      subject: subjectOf(request),
      outcome,
      code: error === null ? '' : (error.detail.box_code ?? codeName(error.code)),
    });
  }

  #ack(streamId: string, payload: Uint8Array): void {
    try {
      void this.#ops.ack(streamId, fromBinary(OpAckSchema, payload));
    } catch {
      // An ack that cannot be read says nothing; the next one will.
    }
  }

  #activeSessions(): number {
    const since = performance.now() - ACTIVE_SESSION_MS;
    for (const [scope, at] of this.#sessions) if (at < since) this.#sessions.delete(scope);
    return this.#sessions.size;
  }

  #lacks(capabilities: BoxCapabilities): Record<string, string> {
    const lacks: Record<string, string> = {};
    for (const name of ['attach', 'archives', 'terminal', 'watch'] as const) {
      const capability = capabilities[name];
      if (!capability.available) lacks[name] = capability.reason;
    }
    if (this.#options.allowPort === undefined) lacks.ports = 'the owner of the machine opens no ports';
    if (this.#options.readOnly === true) {
      lacks.terminal = 'the owner of the machine allows reading only';
    }
    return lacks;
  }
}

const codeName = (code: ErrorCode): string =>
  Object.entries(ErrorCode).find(([, value]) => value === code)?.[0] ?? '';
const consent = (message: string) => new WireRefusal(ErrorCode.CONSENT_REQUIRED, message);
