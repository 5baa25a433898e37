import type { TerminalExecRequest, TerminalExecResponse } from '@boxyard/contracts';
import type { Box, BoxProcess, Bytes, CallOptions, OpRecord, OpResult } from '@boxyard/sandbox-core';
import { bounded, checkRelativePath, SandboxError } from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import { encodeContent } from '../files/text-content.ts';
import { inBoxOf, type SessionRef } from '../open-box.ts';
import { commandOutputEvents } from './command-output-events.ts';
import { execAnswer, lostError } from './exec-answer.ts';
import type { HostedOps } from './hosted-ops.ts';
import { execDigest } from './op-digest.ts';
import { exitedEvent, resultOf, START_DEADLINE_MS, startedEvent } from './op-end.ts';
import type { ExecOptions, OpHostOptions } from './op-host.ts';
import type { OpKeeper } from './op-keeper.ts';
import { OutputCollector } from './output-collector.ts';
import { RunningOp } from './running-op.ts';
import { watchToEnd } from './watch-to-end.ts';

export interface OpExecutorOptions extends OpHostOptions {
  readonly hosted: HostedOps;
  readonly keeper: OpKeeper;
}

/** What of a command that has ended can be read at all comes within this time. */
const READ_DEADLINE_MS = 60_000;

/** Answers `terminal/exec`. */
export class OpExecutor {
  readonly #options: OpExecutorOptions;

  constructor(options: OpExecutorOptions) {
    this.#options = options;
  }

  async exec(
    session: SessionRef,
    request: TerminalExecRequest,
    { audit, onAudited, ...options }: ExecOptions,
  ): Promise<TerminalExecResponse> {
    const { openBox, ops, hosted } = this.#options;
    const opId = request.opId ?? uuidv7();
    const cwd = checkRelativePath(request.cwd);
    const stdin = request.stdin === undefined ? null : encodeContent(request.stdin, request.encoding);
    if (/[\0\p{Surrogate}]/u.test(request.command)) {
      throw new SandboxError(
        'invalid',
        'The command holds NUL or is not well-formed Unicode, which no shell takes. Send such bytes as stdin.',
        { started: 'no' },
      );
    }
    const redactor = await this.#options.redactorFor(session);
    const holder = request.background
      ? ({ kind: 'process', id: opId } as const)
      : ({ kind: 'request', id: uuidv7() } as const);
    const opened = await openBox(session, holder, options);
    const here = inBoxOf(session, opened);
    let handedOver = false;
    // The watch is set up while the op is recorded, so that it misses nothing and holds nothing up.
    const changes = this.#options.recorder?.hold(here, opened.epoch, 'watch');
    try {
      const startedMs = performance.now();
      const { background, emitStream } = request;
      const asked: OpRecord = {
        id: opId,
        sessionId: session.sessionId,
        groupId: here.groupId,
        command: shownCommand(redactor.redact(request.command)),
        bodyDigest: execDigest(request),
        leaseEpoch: opened.epoch,
        hostId: this.#options.hostId,
        background,
        emitStream,
        startedAt: new Date(),
        state: 'running',
        result: null,
      };
      // Whoever reads the record from now on waits until the command can be found here.
      const start = await hosted.starting(opId, async () => {
        const { created, op } = await ops.start(
          asked,
          [startedEvent(asked, cwd)],
          audit && { ...audit, target: opId, detail: { ...audit.detail, command: asked.command } },
        );
        if (!created) return { op, running: null };
        onAudited?.();
        await changes?.ready();
        const process = await this.#spawn(op, opened.box, request, cwd, stdin);
        if (stdin !== null) void feed(process, stdin);
        const running = new RunningOp({
          op,
          store: ops,
          process,
          reattach: (signal) => this.#options.keeper.reattach(op, signal),
          events: emitStream ? commandOutputEvents(op, redactor, this.#options) : null,
          collector: background ? null : new OutputCollector(request.maxOutputBytes),
          startedMs,
        });
        hosted.add(here, running, opened);
        handedOver = true;
        return { op, running };
      });
      return start.running === null
        ? await this.#attach(asked, start.op, opened.box, request, options)
        : await this.#answer(start.running, request, options);
    } finally {
      changes?.[Symbol.dispose]();
      if (!handedOver) await opened[Symbol.asyncDispose]();
    }
  }

  /** Started without the caller's signal: once recorded, the command no longer depends on who asked for it. */
  async #spawn(
    op: OpRecord,
    box: Box,
    request: TerminalExecRequest,
    cwd: string,
    stdin: Bytes | null,
  ): Promise<BoxProcess> {
    const program = { script: request.command };
    const command = { program, id: op.id, cwd, env: request.env, runLimitMs: request.timeoutMs };
    const input = stdin !== null || request.background ? 'open' : 'none';
    try {
      for (;;) {
        try {
          return await box.spawn(
            { ...command, output: 'separate', stdin: input },
            { deadlineMs: START_DEADLINE_MS },
          );
        } catch (error) {
          // Output is kept as long as there is room for it: what came last is wanted most.
          if (!isFull(error) || !(await this.#options.keeper.makeRoom(op, box))) throw error;
        }
      }
    } catch (error) {
      // Anything else may have started it: the record stays, and whoever adopts it asks the box.
      if (!provesNoStart(error)) throw error;
      const reason = `It was never started. ${error.message}`;
      const result = { ...resultOf({ state: 'lost', reason }, 0), neverStarted: true as const };
      await this.#options.ops.finish(op, 'lost', result, [exitedEvent(op, result)]);
      throw error;
    }
  }

  async #answer(
    running: RunningOp,
    request: TerminalExecRequest,
    options: CallOptions,
  ): Promise<TerminalExecResponse> {
    const { op, output } = running;
    let ended: OpResult | null = null;
    try {
      if (!request.background) ended = await endWithin(running, request.waitMs, options);
    } finally {
      if (ended === null) {
        running.dropOutput();
        if (!request.background) void this.#options.hosted.keepForProcess(op.id);
      }
    }
    if (ended !== null && ended.lostReason !== null) throw lostError(op.id, ended.lostReason);
    const wallTimeMs = ended?.wallTimeMs ?? performance.now() - running.startedMs;
    return execAnswer({ opId: op.id, output, status: ended, wallTimeMs }, request.encoding);
  }

  /** The answer to a repeated request: the same command, whoever follows it, read from its beginning. */
  async #attach(
    asked: OpRecord,
    op: OpRecord,
    box: Box,
    request: TerminalExecRequest,
    options: CallOptions,
  ): Promise<TerminalExecResponse> {
    if (op.sessionId !== asked.sessionId || op.bodyDigest !== asked.bodyDigest) {
      throw new SandboxError('conflict', `Command ${op.id}: this id is taken by another one. Use a new id.`, {
        started: 'no',
      });
    }
    if (op.state === 'lost') throw lostError(op.id, op.result?.lostReason ?? 'Nobody knows how it ended.');
    const wallTimeMs = op.result?.wallTimeMs ?? Math.max(0, Date.now() - op.startedAt.getTime());
    if (op.state === 'running' && op.background) {
      return execAnswer({ opId: op.id, output: null, status: null, wallTimeMs }, request.encoding);
    }
    const { hosted, keeper } = this.#options;
    const here = await hosted.find(op.sessionId, op.id);
    // Begun before the session went elsewhere.
    await using left =
      here === null && op.groupId !== asked.groupId
        ? await keeper.open(op, { kind: 'viewer', id: uuidv7() }, options)
        : null;
    const process = here?.process ?? (await keeper.attach(left?.box ?? box, op, options.signal));
    const output = new OutputCollector(request.maxOutputBytes);
    const seen = await watchToEnd(process, output, {
      signal: options.signal,
      waitMs: op.state === 'running' ? request.waitMs : READ_DEADLINE_MS,
    });
    return execAnswer({ opId: op.id, output, status: op.result ?? seen, wallTimeMs }, request.encoding);
  }
}

/** A script may be a megabyte; a list of commands shows how each begins. */
function shownCommand(command: string): string {
  const longest = 4096;
  return command.length <= longest ? command : `${command.slice(0, longest).replace(/\p{Surrogate}$/u, '')}…`;
}

/** The input is the command's affair: one that ends without reading it has not failed for that. */
async function feed(process: BoxProcess, stdin: Bytes): Promise<void> {
  try {
    if (stdin.length > 0) await process.write(stdin);
    await process.closeStdin();
  } catch {
    // See above.
  }
}

/** Null when it still runs after `waitMs`, or when this process stopped following it. */
async function endWithin(
  running: RunningOp,
  waitMs: number,
  { signal }: CallOptions,
): Promise<OpResult | null> {
  try {
    return await bounded({ signal, deadlineMs: waitMs }, 'Waiting for the command', () => running.ended);
  } catch (error) {
    if (SandboxError.hasCode(error, 'timeout') && !signal?.aborted) return null;
    throw error;
  }
}

/** The box has no room for the output of another command. */
const isFull = (error: unknown) => SandboxError.hasCode(error, 'quota') && error.started === 'no';

function provesNoStart(error: unknown): error is SandboxError {
  if (!SandboxError.isInstance(error)) return false;
  return (
    error.started === 'no' ||
    ['invalid', 'not-found', 'denied', 'unsupported', 'gone', 'fenced'].includes(error.code)
  );
}
