import type {
  Op,
  OpKillRequest,
  OpStdinRequest,
  TerminalExecRequest,
  TerminalExecResponse,
} from '@boxyard/contracts';
import type {
  BoxProcess,
  CallOptions,
  EventLog,
  NewAuditEntry,
  OpRecord,
  OpStore,
  OutputCursor,
  Redactor,
} from '@boxyard/sandbox-core';
import { SandboxError } from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import type { ChangeRecorder } from '../changes/change-recorder.ts';
import { encodeContent } from '../files/text-content.ts';
import type { OpenBox, OpenedBox, SessionRef } from '../open-box.ts';
import { describeOp } from './exec-answer.ts';
import { HostedOps } from './hosted-ops.ts';
import { START_DEADLINE_MS } from './op-end.ts';
import { OpExecutor } from './op-executor.ts';
import { type AdoptOptions, OpKeeper } from './op-keeper.ts';
import type { PositionedMessage } from './op-messages.ts';
import { streamOp } from './op-stream.ts';

export interface OpHostOptions {
  readonly ops: OpStore;
  readonly events: EventLog;
  /** Commands change files: whoever composes this marks the boxes that it opens as dirty. */
  readonly openBox: OpenBox;
  /** Hides the session's secrets in what is stored: commands and output in events. */
  readonly redactorFor: (session: SessionRef) => Redactor | Promise<Redactor>;
  /** Records what commands change in the workspace. */
  readonly recorder?: ChangeRecorder | undefined;
  /** How much output of one command its session's events carry; its stream has all. 1 MiB when absent. */
  readonly maxEventBytes?: number | undefined;
  /** Names this process in the records. Whether it lives is told by who beats under this name. */
  readonly hostId: string;
  /**
   * No other process starts or follows commands of this store, so that a command which its box does not know
   * is lost at once. Otherwise others get a minute to start theirs. False when absent.
   */
  readonly soleHost?: boolean | undefined;
}

export interface ExecOptions extends CallOptions {
  /** Stored in the step that records the command, completed by which command it is. */
  readonly audit?: NewAuditEntry | undefined;
  /** Called once `audit` is stored; not for who only attached. */
  readonly onAudited?: (() => void) | undefined;
}

/**
 * Runs commands in boxes for their callers. A command belongs to its op: it goes on when its caller, its
 * request or this process goes away, and any later process finds it again by its id.
 */
export class OpHost {
  readonly #options: OpHostOptions;
  readonly #hosted: HostedOps;
  readonly #keeper: OpKeeper;
  readonly #executor: OpExecutor;

  constructor(options: OpHostOptions) {
    this.#options = options;
    this.#hosted = new HostedOps(options.openBox, options.recorder);
    const startWindowMs = options.soleHost ? 0 : START_DEADLINE_MS;
    this.#keeper = new OpKeeper({ ...options, hosted: this.#hosted, startWindowMs });
    this.#executor = new OpExecutor({ ...options, hosted: this.#hosted, keeper: this.#keeper });
  }

  /**
   * Runs a command, or attaches to the one of the same id and body. Two statements for a short foreground one.
   * The options end the wait for the answer and never the command.
   *
   * @throws SandboxError `conflict` when the id is that of another command, `outcome-unknown` when the command
   * is lost, and what opening the box and starting a command there throw.
   */
  exec(
    session: SessionRef,
    request: TerminalExecRequest,
    options: ExecOptions = {},
  ): Promise<TerminalExecResponse> {
    return this.#executor.exec(session, request, options);
  }

  /** @throws SandboxError `not-found` for an id that this session has no op of. */
  async get(session: SessionRef, opId: string): Promise<Op> {
    return describeOp(await this.#find(session, opId));
  }

  async list(session: SessionRef): Promise<Op[]> {
    return (await this.#options.ops.list(session.sessionId)).map(describeOp);
  }

  /**
   * What a command printed from a position on, while it runs and after, then exactly one end.
   *
   * @throws SandboxError `not-found` before the first message; `unreachable` and the like in between, after
   * which the reader comes back with its last position.
   */
  async *stream(
    session: SessionRef,
    opId: string,
    request: { readonly from: OutputCursor; readonly signal: AbortSignal },
  ): AsyncGenerator<PositionedMessage, void, void> {
    const op = await this.#find(session, opId);
    const { from, signal } = request;
    let opened: OpenedBox | undefined;
    try {
      yield* streamOp(op, from, signal, async () => {
        const running = await this.#hosted.find(session.sessionId, opId);
        if (running !== null) return running.process;
        opened = await this.#keeper.open(op, { kind: 'viewer', id: uuidv7() }, { signal });
        return this.#keeper.attach(opened.box, op, signal);
      });
    } finally {
      await opened?.[Symbol.asyncDispose]();
    }
  }

  /** @throws SandboxError `conflict` when the command has ended or takes no input. */
  async writeStdin(
    session: SessionRef,
    opId: string,
    request: OpStdinRequest,
    options: CallOptions = {},
  ): Promise<void> {
    const bytes = encodeContent(request.data, request.encoding);
    await this.#withProcess(session, opId, options, async (process) => {
      if (process === null) {
        throw new SandboxError('conflict', `Writing to command ${opId}: it has ended. Start another one.`, {
          started: 'no',
        });
      }
      if (bytes.length > 0) await process.write(bytes, options);
      if (request.close) await process.closeStdin(options);
    });
  }

  /** Ends the command and everything that it started. A command that has ended stays as it is. */
  async kill(
    session: SessionRef,
    opId: string,
    request: OpKillRequest,
    options: CallOptions = {},
  ): Promise<void> {
    const { graceMs } = request;
    // What is followed here may be the last that keeps the box open, and it ends in the middle of its own killing.
    const followed = await this.#hosted.find(session.sessionId, opId);
    const hold = followed === null ? null : await this.#holdBox(followed.op, options);
    try {
      await this.#withProcess(session, opId, options, async (process) => {
        await process?.kill({ deadlineMs: graceMs + START_DEADLINE_MS, ...options, graceMs });
      });
    } finally {
      await hold?.[Symbol.asyncDispose]();
    }
  }

  /**
   * Looks after commands that nobody follows: after a crash, or when their box was silent for too long. Call
   * it at start and every now and then. Answers how many are followed now and how many turned out lost.
   */
  adoptRunning(options: AdoptOptions = {}): Promise<{ adopted: number; lost: number }> {
    return this.#keeper.adoptRunning(options);
  }

  /** Removes ops that ended longer ago than `keptMs`, with their output. Answers how many. */
  sweepExpired(options: CallOptions & { readonly keptMs: number; readonly limit?: number }): Promise<number> {
    return this.#keeper.sweepExpired(options);
  }

  /** Ends what this process follows for a session: it is deleted, and a box that it shared may live on. */
  async endSession(sessionId: string): Promise<void> {
    await Promise.all(
      this.#hosted.ofSession(sessionId).map(async (running) => {
        await running.process.kill().catch(() => undefined);
        running.letGo();
      }),
    );
  }

  /** Stops following; every command goes on, and the next host adopts it. */
  async close(): Promise<void> {
    await this.#hosted.close();
  }

  async #find(session: SessionRef, opId: string): Promise<OpRecord> {
    const op = await this.#options.ops.get(session.sessionId, opId);
    if (op !== null) return op;
    throw new SandboxError(
      'not-found',
      `There is no command ${opId} in this session. List the session's ops.`,
      {
        started: 'no',
      },
    );
  }

  /** Null for a box that has moved on: its commands can still be ended through the handle that started them. */
  async #holdBox(op: OpRecord, options: CallOptions): Promise<OpenedBox | null> {
    try {
      return await this.#keeper.open(op, { kind: 'request', id: uuidv7() }, options);
    } catch (error) {
      if (SandboxError.hasCode(error, 'fenced')) return null;
      throw error;
    }
  }

  /** With null for a command that has ended. One that is followed here costs no statement. */
  async #withProcess(
    session: SessionRef,
    opId: string,
    options: CallOptions,
    use: (process: BoxProcess | null) => Promise<void>,
  ): Promise<void> {
    const running = await this.#hosted.find(session.sessionId, opId);
    if (running !== null) return use(running.process);
    const op = await this.#find(session, opId);
    if (op.state !== 'running') return use(null);
    const opened = await this.#keeper.open(op, { kind: 'request', id: uuidv7() }, options);
    try {
      await use(await this.#keeper.attach(opened.box, op, options.signal));
    } finally {
      await opened[Symbol.asyncDispose]();
    }
  }
}
