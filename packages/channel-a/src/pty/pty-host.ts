import type {
  Pty,
  PtyExitReason,
  PtyOpenRequest,
  PtyOpenResponse,
  PtyStreamMessage,
  PtyWriteRequest,
  SessionEventDraft,
} from '@boxyard/contracts';
import type { CallOptions, EventLog, Redactor } from '@boxyard/sandbox-core';
import { checkRelativePath, SandboxError } from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import type { ChangeHold, ChangeRecorder } from '../changes/change-recorder.ts';
import { encodeContent } from '../files/text-content.ts';
import { inBoxOf, type OpenBox, type SessionRef } from '../open-box.ts';
import { OutputEvents } from '../output-events.ts';
import { LivePty } from './live-pty.ts';
import { loggedPtys, type PtyRecords } from './pty-records.ts';

export interface PtyHostOptions {
  readonly events: EventLog;
  /** Where each terminal's beginning and end are recorded. In `events` only when absent. */
  readonly records?: PtyRecords | undefined;
  /** What is typed changes files: whoever composes this marks the boxes that it opens as dirty. */
  readonly openBox: OpenBox;
  /** Records what happens in the workspace while a terminal lives. */
  readonly recorder?: ChangeRecorder | undefined;
  /** Hides the session's secrets in the output that is stored with events; viewers see the terminal as it is. */
  readonly redactorFor: (session: SessionRef) => Redactor | Promise<Redactor>;
  /** A terminal that nobody watches, types into or prints to for so long is closed. 30 minutes when absent. */
  readonly idleMs?: number | undefined;
  /** How much output is replayed to a new viewer. 512 KiB when absent. */
  readonly replayBytes?: number | undefined;
  /** How many terminals a session may have at once. 16 when absent. */
  readonly maxPerSession?: number | undefined;
}

const DEFAULT_IDLE_MS = 30 * 60_000;
const DEFAULT_REPLAY_BYTES = 512 * 1024;
const DEFAULT_MAX_PER_SESSION = 16;
const OPEN_DEADLINE_MS = 60_000;
/** How long an ended terminal can still be looked at: a viewer that was away learns how it ended. */
const REMEMBER_ENDED_MS = 60_000;
const LOOK_FOR_IDLE_MS = 15_000;

/** Terminals of this process. They survive their viewers, and end with this process. */
export class PtyHost {
  readonly #options: PtyHostOptions;
  readonly #records: PtyRecords;
  readonly #ptys = new Map<string, LivePty>();
  readonly #ended = new Map<string, { readonly pty: LivePty; readonly forget: NodeJS.Timeout }>();
  readonly #idleCheck: NodeJS.Timeout;
  #closed = false;

  constructor(options: PtyHostOptions) {
    this.#options = options;
    this.#records = options.records ?? loggedPtys(options.events);
    const everyMs = Math.min(LOOK_FOR_IDLE_MS, (options.idleMs ?? DEFAULT_IDLE_MS) / 4);
    this.#idleCheck = setInterval(() => this.#closeIdle(), everyMs).unref();
  }

  /** @throws SandboxError `unsupported` with the box's reason, `quota` for too many, and what opening throws. */
  async open(
    session: SessionRef,
    request: PtyOpenRequest,
    options: CallOptions = {},
  ): Promise<PtyOpenResponse> {
    if (this.#closed)
      throw new SandboxError('closed', 'Opening a terminal: this host is closed. Use a new one.');
    const cwd = checkRelativePath(request.cwd);
    const max = this.#options.maxPerSession ?? DEFAULT_MAX_PER_SESSION;
    if (this.#of(session.sessionId).length >= max) {
      throw new SandboxError(
        'quota',
        `Opening a terminal: the session has ${max} already. Close one of them.`,
        {
          started: 'no',
        },
      );
    }
    const ptyId = uuidv7();
    const { cols, rows, shell } = request;
    const redactor = await this.#options.redactorFor(session);
    const opened = await this.#options.openBox(session, { kind: 'process', id: ptyId }, options);
    const here = inBoxOf(session, opened);
    let changes: ChangeHold | undefined;
    try {
      const { terminal: terminals } = opened.box.capabilities;
      if (!terminals.available) {
        throw new SandboxError('unsupported', `Opening a terminal: ${terminals.reason}. Use exec instead.`, {
          started: 'no',
        });
      }
      changes = this.#options.recorder?.hold(here, opened.epoch, 'agent');
      await changes?.ready();
      const append = (events: readonly SessionEventDraft[]) =>
        this.#options.events.append({ sessionId: session.sessionId }, events, {
          leaseEpoch: opened.epoch,
          mutates: false,
        });
      const terminal = await terminals.use.open(
        { cols, rows, cwd, shell },
        { deadlineMs: OPEN_DEADLINE_MS, ...options },
      );
      const { sessionId, groupId } = here;
      const record = { id: ptyId, sessionId, groupId, leaseEpoch: opened.epoch };
      try {
        await this.#records.started({ ...record, cols, rows, createdAt: new Date() });
      } catch (error) {
        await terminal.close().catch(() => undefined);
        throw error;
      }
      const output = new OutputEvents<'output'>({
        redactor,
        delta: (_, chunk, seq) => ({ type: 'terminal.pty.output.delta', data: { ptyId, chunk, seq } }),
        append,
      });
      const pty: LivePty = new LivePty({
        ptyId,
        session: here,
        terminal,
        opened,
        cols,
        rows,
        replayBytes: this.#options.replayBytes ?? DEFAULT_REPLAY_BYTES,
        events: output,
        judgeEnd: () => this.#judgeEnd(here, opened.epoch),
        onEnd: async (end) => {
          this.#remember(pty);
          try {
            await this.#records.ended(record, end, await output.end());
          } finally {
            changes?.[Symbol.dispose]();
            await opened[Symbol.asyncDispose]();
          }
        },
      });
      this.#ptys.set(ptyId, pty);
      return { ptyId, streamVia: 'sse-events', supportsInput: true };
    } catch (error) {
      changes?.[Symbol.dispose]();
      await opened[Symbol.asyncDispose]();
      throw error;
    }
  }

  list(session: SessionRef): Pty[] {
    return this.#of(session.sessionId).map((pty) => pty.describe());
  }

  /** @throws SandboxError `not-found` for an id that names no terminal of this session, living or just ended. */
  check(session: SessionRef, ptyId: string): void {
    this.#find(session, ptyId);
  }

  /** @throws SandboxError `not-found`; `fenced` when the terminal's box was replaced, which ends it. */
  async write(session: SessionRef, request: PtyWriteRequest, options: CallOptions = {}): Promise<void> {
    const bytes = encodeContent(request.data, request.encoding);
    const pty = await this.#use(session, request.ptyId, options);
    await pty.write(bytes, options);
  }

  /** A real change of the window's size: the program in it is told. @throws as `write` does. */
  async resize(
    session: SessionRef,
    request: { readonly ptyId: string; readonly cols: number; readonly rows: number },
    options: CallOptions = {},
  ): Promise<void> {
    const pty = await this.#use(session, request.ptyId, options);
    await pty.resize(request.cols, request.rows, options);
    await this.#records.resized(request.ptyId, request.cols, request.rows);
  }

  /** Hangs up. A terminal that has ended already stays as it is. @throws SandboxError `not-found`. */
  async close(session: SessionRef, ptyId: string, reason: PtyExitReason = 'closed'): Promise<void> {
    const pty = this.#find(session, ptyId);
    if (this.#ptys.has(ptyId)) await pty.close(reason);
  }

  /**
   * What a viewer is shown: the screen, or what it has missed since `after`, then what is printed, then the
   * end. Any number of viewers, each at its own pace.
   *
   * @throws SandboxError `not-found` before the first message.
   */
  async *stream(
    session: SessionRef,
    ptyId: string,
    request: { readonly after?: number | undefined; readonly signal: AbortSignal },
  ): AsyncGenerator<PtyStreamMessage, void, void> {
    const pty = await this.#viewed(session, ptyId, { signal: request.signal });
    yield* pty.view(request.after ?? null, request.signal);
  }

  /** The next message of a stream: empty when there is nothing new within `waitMs`. @throws as `stream` does. */
  async viewOnce(
    session: SessionRef,
    ptyId: string,
    request: { readonly after: number | null; readonly waitMs: number },
  ): Promise<PtyStreamMessage[]> {
    const pty = await this.#viewed(session, ptyId, {});
    const seen = new AbortController();
    const late = setTimeout(() => seen.abort(), request.waitMs);
    const messages: PtyStreamMessage[] = [];
    try {
      for await (const message of pty.view(request.after, seen.signal)) {
        messages.push(message);
        seen.abort();
      }
    } finally {
      clearTimeout(late);
    }
    return messages;
  }

  /** Whether a terminal lives here, or has just ended here. */
  has(ptyId: string): boolean {
    return this.#ptys.has(ptyId) || this.#ended.has(ptyId);
  }

  /** Those that live here. */
  ids(): string[] {
    return [...this.#ptys.keys()];
  }

  /** Ends terminals that others took for dead together with this process: nobody finds them any more. */
  async endLost(ptyIds: readonly string[]): Promise<void> {
    await Promise.all(ptyIds.map((id) => this.#ptys.get(id)?.close('host-restarted')));
  }

  /** Ends the terminals of a group whose box has moved on to another epoch. */
  async endMoved(groupId: string, epoch: number): Promise<void> {
    const moved = [...this.#ptys.values()].filter(
      (pty) => pty.session.groupId === groupId && pty.epoch !== epoch,
    );
    await Promise.all(moved.map((pty) => pty.close('box-replaced')));
  }

  /** Ends a deleted session's terminals. */
  async endSession(sessionId: string): Promise<void> {
    await Promise.all(this.#of(sessionId).map((pty) => pty.close('session-deleted')));
  }

  /** Ends every terminal: they cannot outlive this process. */
  async shutdown(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#idleCheck);
    await Promise.allSettled([...this.#ptys.values()].map((pty) => pty.close('host-restarted')));
    for (const { forget } of this.#ended.values()) clearTimeout(forget);
    this.#ended.clear();
  }

  #of(sessionId: string): LivePty[] {
    return [...this.#ptys.values()].filter((pty) => pty.session.sessionId === sessionId);
  }

  #find(session: SessionRef, ptyId: string): LivePty {
    const pty = this.#ptys.get(ptyId) ?? this.#ended.get(ptyId)?.pty;
    if (pty !== undefined && pty.session.sessionId === session.sessionId) return pty;
    throw new SandboxError('not-found', `There is no terminal ${ptyId} in this session. Open one.`, {
      started: 'no',
    });
  }

  /** Checks on every use that the terminal still belongs to the session's present box. */
  async #use(session: SessionRef, ptyId: string, options: CallOptions): Promise<LivePty> {
    const pty = this.#find(session, ptyId);
    const holder = { kind: 'request', id: uuidv7() } as const;
    try {
      const opened = await this.#options.openBox(pty.session, holder, {
        ...options,
        expectedEpoch: pty.epoch,
      });
      await opened[Symbol.asyncDispose]();
    } catch (error) {
      if (SandboxError.hasCode(error, 'fenced') && this.#ptys.has(ptyId)) await pty.close('box-replaced');
      throw error;
    }
    return pty;
  }

  async #viewed(session: SessionRef, ptyId: string, options: CallOptions): Promise<LivePty> {
    const pty = this.#find(session, ptyId);
    if (this.#ptys.has(ptyId)) {
      try {
        await this.#use(session, ptyId, options);
      } catch (error) {
        // It has just ended for that: its viewers are told so.
        if (!SandboxError.hasCode(error, 'fenced')) throw error;
      }
    }
    return pty;
  }

  async #judgeEnd(session: SessionRef, epoch: number): Promise<PtyExitReason> {
    const holder = { kind: 'request', id: uuidv7() } as const;
    try {
      const opened = await this.#options.openBox(session, holder, { expectedEpoch: epoch });
      await opened[Symbol.asyncDispose]();
    } catch (error) {
      if (SandboxError.hasCode(error, 'fenced')) return 'box-replaced';
      if (SandboxError.hasCode(error, 'gone')) return 'box-gone';
      if (SandboxError.hasCode(error, 'not-found')) return 'session-deleted';
    }
    return 'exited';
  }

  #remember(pty: LivePty): void {
    this.#ptys.delete(pty.ptyId);
    if (this.#closed) return;
    const forget = setTimeout(() => this.#ended.delete(pty.ptyId), REMEMBER_ENDED_MS).unref();
    this.#ended.set(pty.ptyId, { pty, forget });
  }

  #closeIdle(): void {
    const idleMs = this.#options.idleMs ?? DEFAULT_IDLE_MS;
    for (const pty of this.#ptys.values()) {
      if (pty.quietMs >= idleMs) void pty.close('idle').catch(() => undefined);
    }
  }
}
