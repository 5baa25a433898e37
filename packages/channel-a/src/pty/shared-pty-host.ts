import type {
  Pty,
  PtyExitReason,
  PtyOpenRequest,
  PtyOpenResponse,
  PtyStreamMessage,
  PtyWriteRequest,
} from '@boxyard/contracts';
import {
  type CallOptions,
  HOST_BEAT_MS,
  HOST_SILENT_MS,
  type HostCalls,
  type JoinedHost,
  type KnownPty,
  type PtyRecord,
  type PtyRegistry,
  SandboxError,
} from '@boxyard/sandbox-core';
import type { SessionRef } from '../open-box.ts';
import { answerPtyCall, type PtyCall } from './pty-calls.ts';
import { PtyHost, type PtyHostOptions } from './pty-host.ts';
import { exitedEvent, registeredPtys } from './pty-records.ts';

export interface SharedPtyHostOptions extends Omit<PtyHostOptions, 'records'> {
  /** Names this process in the records; as long as this host is started it is said to live. */
  readonly hostId: string;
  readonly registry: PtyRegistry;
  readonly calls: HostCalls;
  /**
   * No other process serves this record: terminals of any other host have died with it, however lately it was
   * heard of. False when absent.
   */
  readonly soleHost?: boolean | undefined;
  /** Told of what failed in the background and is tried again. */
  readonly onTrouble?: ((error: unknown) => void) | undefined;
}

const DEFAULT_MAX_PER_SESSION = 16;
/** A process that lives takes a call within milliseconds. */
const CALL_DEADLINE_MS = 5_000;
/** How long one call waits for a terminal to print something. */
const VIEW_WAIT_MS = 3_000;
const ORPHANS_AT_ONCE = 100;
/** So many calls in a row may fail before a viewer is told: by then a process that died is known to be dead. */
const VIEW_TRIES = 4;

const ORPHANED = { exitCode: null, reason: 'host-restarted' } as const;

/**
 * Terminals of several server processes on one record, as if they were in one. Each lives in the process that
 * opened it; the others pass on what is typed and fetch what is shown. When its process dies it has ended, and
 * whoever finds that out first records it.
 */
export class SharedPtyHost {
  readonly #options: SharedPtyHostOptions;
  readonly #hostId: string;
  readonly #host: PtyHost;
  readonly #joined: JoinedHost;
  #beating: NodeJS.Timeout | undefined;
  #beat: Promise<void> = Promise.resolve();
  /** Recorded as ours and not here at the last look: being opened just now, or its end could not be recorded. */
  #absent: ReadonlySet<string> = new Set();

  constructor(options: SharedPtyHostOptions) {
    this.#options = options;
    const { registry, calls } = options;
    this.#hostId = options.hostId;
    this.#host = new PtyHost({ ...options, records: registeredPtys(registry, this.#hostId) });
    this.#joined = calls.join(this.#hostId, (request) => answerPtyCall(this.#host, request));
  }

  /** Call it before anything else: from now on the others know that this process lives. */
  async start(): Promise<void> {
    await this.#tick(this.#options.soleHost ? 0 : HOST_SILENT_MS);
    this.#beating = setInterval(() => {
      const before = this.#beat;
      this.#beat = before
        .then(() => this.#tick(HOST_SILENT_MS))
        .catch((error) => this.#options.onTrouble?.(error));
    }, HOST_BEAT_MS).unref();
  }

  /** @throws as `PtyHost.open` does; `quota` counts the terminals in all processes. */
  async open(
    session: SessionRef,
    request: PtyOpenRequest,
    options: CallOptions = {},
  ): Promise<PtyOpenResponse> {
    const max = this.#options.maxPerSession ?? DEFAULT_MAX_PER_SESSION;
    if ((await this.#options.registry.list(session.sessionId)).length >= max) {
      throw new SandboxError(
        'quota',
        `Opening a terminal: the session has ${max} already. Close one of them.`,
        { started: 'no' },
      );
    }
    return this.#host.open(session, request, options);
  }

  async list(session: SessionRef): Promise<Pty[]> {
    const known = await this.#options.registry.list(session.sessionId);
    const living: Pty[] = [];
    for (const record of known) {
      if (record.hostAlive || record.hostId === this.#hostId) living.push(describeRecord(record));
      else await this.#endOrphan(record);
    }
    return living;
  }

  /** @throws SandboxError `not-found` for an id that names no terminal of this session, living or just ended. */
  async check(session: SessionRef, ptyId: string): Promise<void> {
    if (!this.#host.has(ptyId)) await this.#find(session, ptyId);
    else this.#host.check(session, ptyId);
  }

  /** @throws as `PtyHost.write` does; `unreachable` when the terminal's process does not answer. */
  async write(session: SessionRef, request: PtyWriteRequest, options: CallOptions = {}): Promise<void> {
    const { ptyId } = request;
    if (this.#host.has(ptyId)) await this.#host.write(session, request, options);
    else await this.#call(session, { do: 'write', session, body: request }, ptyId, options);
  }

  /** @throws as `write` does. */
  async resize(
    session: SessionRef,
    request: { readonly ptyId: string; readonly cols: number; readonly rows: number },
    options: CallOptions = {},
  ): Promise<void> {
    const { ptyId } = request;
    if (this.#host.has(ptyId)) await this.#host.resize(session, request, options);
    else await this.#call(session, { do: 'resize', session, body: request }, ptyId, options);
  }

  /** Hangs up. A terminal that has ended already stays as it is. @throws SandboxError `not-found`. */
  async close(session: SessionRef, ptyId: string): Promise<void> {
    if (this.#host.has(ptyId)) await this.#host.close(session, ptyId);
    else await this.#closeThere(await this.#find(session, ptyId), session, 'closed');
  }

  /** As `PtyHost.stream`, wherever the terminal lives. */
  async *stream(
    session: SessionRef,
    ptyId: string,
    request: { readonly after?: number | undefined; readonly signal: AbortSignal },
  ): AsyncGenerator<PtyStreamMessage, void, void> {
    if (this.#host.has(ptyId)) yield* this.#host.stream(session, ptyId, request);
    else yield* this.#streamThere(session, await this.#find(session, ptyId), request);
  }

  /** Ends the terminals of a group whose box has moved on to another epoch. */
  endMoved(groupId: string, epoch: number): Promise<void> {
    return this.#host.endMoved(groupId, epoch);
  }

  /** Ends a session's terminals before it is deleted. What cannot be reached ends when its process next looks. */
  async endSession(session: SessionRef): Promise<void> {
    await this.#host.endSession(session.sessionId);
    const known = await this.#options.registry.list(session.sessionId);
    const elsewhere = known.filter(({ hostId, hostAlive }) => hostAlive && hostId !== this.#hostId);
    await Promise.allSettled(elsewhere.map((record) => this.#closeThere(record, session, 'session-deleted')));
  }

  /** Ends every terminal of this process: they cannot outlive it. */
  async shutdown(): Promise<void> {
    clearInterval(this.#beating);
    await this.#beat;
    await this.#host.shutdown();
    await this.#joined[Symbol.asyncDispose]();
  }

  /** Those of a silent process are ended here; those of ours that somebody took for dead are ended too. */
  async #tick(silentMs: number): Promise<void> {
    const { registry } = this.#options;
    const before = this.#host.ids();
    const living = new Set(await registry.beat(this.#hostId));
    await this.#host.endLost(before.filter((id) => !living.has(id)));
    const absent = [...living].filter((id) => !this.#host.has(id));
    const orphaned = await registry.orphans(this.#hostId, {
      silentMs,
      limit: ORPHANS_AT_ONCE,
      alsoIds: absent.filter((id) => this.#absent.has(id)),
    });
    this.#absent = new Set(absent);
    for (const orphan of orphaned) await this.#endOrphan(orphan);
  }

  async #endOrphan(record: PtyRecord): Promise<void> {
    await this.#options.registry.end(record, ORPHANED, [exitedEvent(record.id, ORPHANED)]);
  }

  async #find(session: SessionRef, ptyId: string): Promise<KnownPty> {
    const record = await this.#options.registry.get(session.sessionId, ptyId);
    if (record === null) {
      throw new SandboxError('not-found', `There is no terminal ${ptyId} in this session. Open one.`, {
        started: 'no',
      });
    }
    // One that we do not have although it is recorded as ours ended before its end could be recorded.
    const lives = record.hostId === this.#hostId ? this.#host.has(ptyId) : record.hostAlive;
    if (record.end !== null || lives) return record;
    await this.#endOrphan(record);
    return { ...record, end: ORPHANED };
  }

  async #call(session: SessionRef, call: PtyCall, ptyId: string, options: CallOptions): Promise<unknown> {
    const { hostId, end } = await this.#find(session, ptyId);
    if (end !== null) {
      throw new SandboxError('conflict', `Using terminal ${ptyId}: it has ended. Open another one.`, {
        started: 'no',
      });
    }
    const { signal, deadlineMs = CALL_DEADLINE_MS } = options;
    return this.#joined.call(hostId, call, { signal, deadlineMs });
  }

  async #closeThere(record: KnownPty, session: SessionRef, reason: PtyExitReason): Promise<void> {
    if (record.end !== null) return;
    const call: PtyCall = { do: 'close', session, ptyId: record.id, reason };
    await this.#joined.call(record.hostId, call, { deadlineMs: CALL_DEADLINE_MS });
  }

  /** One call after the other, each from where the one before it came: its viewer's pace is its own. */
  async *#streamThere(
    session: SessionRef,
    record: KnownPty,
    { after, signal }: { readonly after?: number | undefined; readonly signal: AbortSignal },
  ): AsyncGenerator<PtyStreamMessage, void, void> {
    const { id: ptyId, hostId } = record;
    let position = after ?? null;
    let end = record.end;
    for (let failures = 0; !signal.aborted; ) {
      if (end === null || record.hostAlive) {
        const call: PtyCall = { do: 'view', session, ptyId, after: position, waitMs: VIEW_WAIT_MS };
        try {
          const messages = (await this.#joined.call(hostId, call, {
            signal,
            deadlineMs: VIEW_WAIT_MS + CALL_DEADLINE_MS,
          })) as PtyStreamMessage[];
          failures = 0;
          for (const message of messages) {
            yield message;
            position = message.seq;
            if ('exitCode' in message) return;
          }
          continue;
        } catch (error) {
          if (signal.aborted) return;
          failures += 1;
          // It may have died just now; otherwise a call that was lost is made again.
          end = (await this.#find(session, ptyId)).end;
          if (end === null) {
            if (failures >= VIEW_TRIES || !isLostCall(error)) throw error;
            continue;
          }
        }
      }
      yield { seq: (position ?? 0) + 1, ...end };
      return;
    }
  }
}

const isLostCall = (error: unknown) =>
  SandboxError.hasCode(error, 'unreachable') || SandboxError.hasCode(error, 'outcome-unknown');

function describeRecord({ id, cols, rows, createdAt }: PtyRecord): Pty {
  return {
    ptyId: id,
    streamVia: 'sse-events',
    supportsInput: true,
    cols,
    rows,
    createdAt: createdAt.toISOString(),
  };
}
