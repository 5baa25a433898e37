// Commands of a box whose image lacks what would keep them in the box: each is an exec of the engine, followed by
// this process. Nobody else can follow it, and what it prints after we are gone is lost.
import { randomBytes, randomUUID } from 'node:crypto';
import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type BoxProcess,
  type Bytes,
  bounded,
  type CallOptions,
  type CheckedCommand,
  checkCommand,
  checkMaxOutput,
  checkProcessId,
  closedHandle,
  collectOutput,
  type ExecRequest,
  type ExecResult,
  type FeedOutcome,
  fenceWords,
  type OpWatch,
  type OutputWish,
  type ProcessHost,
  SandboxError,
  ShellProcess,
  type SpawnRequest,
  type Spool,
  type SpoolUsage,
  startFailure,
} from '@boxyard/sandbox-core';
import { SPOOL_DIR, WORKSPACE } from '../container-request.ts';
import type { Engine, StartedExec } from '../engine.ts';
import type { FilesLink } from '../shell-files/files-link.ts';
import { BareOp } from './bare-op.ts';
import { COMMAND_SCRIPT } from './bare-script.ts';

export interface BareCommandsOptions {
  readonly engine: Engine;
  /** A channel of its own: a kill must not wait for a long removal. */
  readonly link: FilesLink;
  readonly epoch: number;
  readonly mark: string;
  readonly spoolLimitBytes?: number | undefined;
  readonly start: (argv: readonly string[], signal: AbortSignal) => Promise<StartedExec>;
}

type Stdin = 'none' | 'open' | Bytes;

interface Entry {
  readonly op: BareOp;
  /** Settles when it has begun. */
  readonly begun: Promise<void>;
  readonly giveUp: AbortController;
}

const DEFAULT_SPOOL_LIMIT_BYTES = 1024 ** 3;
const LIMIT_GRACE_MS = 1000;
const GIVE_UP_GRACE_MS = 300;
const GIVE_UP_WAIT_MS = 1000;
const LOOK_MS = 50;
/** Looks that may find something after the grace: then it cannot be ended. */
const MOST_LOOKS = 200;
/** And so long for processes in the middle of an exec, which do not show whose they are. */
const UNSETTLED_LOOKS = 40;

export class BareCommands {
  readonly #options: BareCommandsOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #host: ProcessHost;
  readonly #spool: Spool;
  #closed = false;

  constructor(options: BareCommandsOptions) {
    this.#options = options;
    this.#spool = this.#asSpool();
    this.#host = {
      spool: this.#spool,
      ensureOpen: () => this.#ensureOpen(),
      kill: (id, graceMs) => this.#kill(id, graceMs, 'killed'),
      interrupt: (watch) => this.#interrupt(watch),
      forget: async (watch) => this.#drop(watch.id),
    };
  }

  async spawn(request: SpawnRequest, options?: CallOptions): Promise<BoxProcess> {
    const id = request.id ?? randomUUID();
    try {
      return await bounded(options, 'Starting a command', async (signal) => {
        this.#ensureOpen();
        const command = checkCommand(request);
        checkProcessId(id);
        signal.throwIfAborted();
        const entry = this.#entries.get(id) ?? this.#begin(id, command, request.stdin ?? 'none', options);
        await entry.begun;
        return new ShellProcess(entry.op.watch, this.#host);
      });
    } catch (error) {
      // Whoever named it can ask for it again; nobody else could ever find it.
      if (request.id === undefined) await this.#giveUp(id);
      throw error;
    }
  }

  async exec(request: ExecRequest, options?: CallOptions): Promise<ExecResult> {
    const id = request.id ?? randomUUID();
    let mine = false;
    try {
      return await bounded(options, 'Running a command', async (signal) => {
        this.#ensureOpen();
        const command = checkCommand(request);
        const mostBytes = checkMaxOutput(request.maxOutputBytes);
        checkProcessId(id);
        signal.throwIfAborted();
        if (this.#entries.has(id)) throw takenId(id);
        const begunAt = performance.now();
        mine = true;
        const { op, begun } = this.#begin(id, command, request.stdin ?? 'none', options);
        await begun;
        const result = await collectOutput(op.watch, this.#spool, command, mostBytes, signal);
        this.#drop(id);
        return { ...result, durationMs: performance.now() - begunAt };
      });
    } catch (error) {
      if (mine) await this.#giveUp(id);
      throw error;
    }
  }

  /** Ends what carries this token; answers how many are left. */
  async killTree(token: string, graceMs: number, options?: CallOptions): Promise<number> {
    return bounded(options, 'Ending a process tree', (signal) => this.#end(token, graceMs, signal));
  }

  /** Lets go; commands go on. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { op } of this.#entries.values()) {
      op.release();
      op.watch.wake();
    }
    await this.#options.link.close();
  }

  #ensureOpen(): void {
    if (this.#closed) throw closedHandle();
  }

  #begin(id: string, command: CheckedCommand, stdin: Stdin, call: CallOptions | undefined): Entry {
    const token = randomBytes(16).toString('hex');
    const { engine, spoolLimitBytes = DEFAULT_SPOOL_LIMIT_BYTES } = this.#options;
    const op = new BareOp({
      id,
      token,
      engine,
      spoolLimitBytes,
      endWord: randomBytes(16).toString('hex'),
      living: async () => (await this.#marked(token, [])).left,
      cutOff: () => void this.#kill(id, 0, 'none').catch(() => undefined),
    });
    const giveUp = new AbortController();
    const begun = this.#start(op, id, command, stdin, call, giveUp.signal).catch((error: unknown) => {
      this.#drop(id);
      throw error;
    });
    begun.catch(() => undefined);
    const entry = { op, begun, giveUp };
    this.#entries.set(id, entry);
    return entry;
  }

  async #start(
    op: BareOp,
    id: string,
    command: CheckedCommand,
    stdin: Stdin,
    call: CallOptions | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { link, epoch, mark, start } = this.#options;
    const { scriptFile, merged, cwd, env, argv, runLimitMs } = command;
    const file = `${id}.s`;
    if (scriptFile !== null) {
      const reply = await link.request('keep', [file, Buffer.from(scriptFile).toString('utf8')]);
      if (reply.kind !== 'status' || reply.status !== 0) throw startFailure(reply, epoch);
      op.scriptFile = file;
    }
    const words = [id, op.token, '1', merged ? 'm' : 's', stdin === 'none' ? 'n' : 'o', '0', '0'];
    const exec = await start(
      [
        ...[
          '/bin/sh',
          '-c',
          COMMAND_SCRIPT,
          'boxyard',
          SPOOL_DIR,
          WORKSPACE,
          String(epoch),
          mark,
          op.endWord,
        ],
        ...[...words, cwd, fenceWords(call?.fence), String(env.length), ...env],
        ...argv.map((word) => word ?? `${SPOOL_DIR}/${file}`),
      ],
      signal,
    );
    // It lives as long as the handle; a process that is done with everything else may end.
    if (exec.stream instanceof Socket) exec.stream.unref();
    const answer = await op.run(exec, stdin !== 'none');
    if (answer === null) {
      throw new SandboxError('unreachable', 'Starting a command failed: the box broke off. Try again.');
    }
    if (answer.status !== 0) {
      op.release();
      throw startFailure({ kind: 'status', seq: 0, ...answer }, epoch);
    }
    if (stdin instanceof Uint8Array) op.give(stdin);
    if (signal.aborted) await this.#end(op.token, GIVE_UP_GRACE_MS, null);
    if (runLimitMs === null) return;
    const end = () => void this.#kill(id, LIMIT_GRACE_MS, 'limitReached').catch(() => undefined);
    const timer = setTimeout(end, Math.min(runLimitMs, 2 ** 31 - 1));
    timer.unref();
    op.watch.onClosed(() => clearTimeout(timer));
  }

  /** Nobody wants it any more; waited for only as long as a box that answers would take. */
  async #giveUp(id: string): Promise<void> {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.giveUp.abort();
    const ending = async () => {
      await entry.begun.catch(() => undefined);
      await this.#kill(id, GIVE_UP_GRACE_MS, 'killed');
    };
    const ended = ending().finally(() => this.#drop(id));
    await bounded({ deadlineMs: GIVE_UP_WAIT_MS }, 'Ending a given-up command', () => ended).catch(
      () => undefined,
    );
  }

  async #kill(id: string, graceMs: number, why: 'killed' | 'limitReached' | 'none'): Promise<number> {
    const entry = this.#entries.get(id);
    if (entry === undefined) return 0;
    const { op } = entry;
    if (op.watch.exitCode === null && why !== 'none') op[why] = true;
    return this.#end(op.token, graceMs, null);
  }

  /** TERM, the grace, then STOP and KILL until two looks find nothing; answers how many are left. */
  async #end(token: string, graceMs: number, signal: AbortSignal | null): Promise<number> {
    const killAt = performance.now() + graceMs;
    let { left } = await this.#marked(token, graceMs > 0 ? ['TERM', 'CONT'] : []);
    while (left > 0 && performance.now() < killAt) {
      signal?.throwIfAborted();
      await delay(Math.min(LOOK_MS, Math.max(1, killAt - performance.now())));
      ({ left } = await this.#marked(token, []));
    }
    for (let look = 0, empty = 0; look < MOST_LOOKS && empty < 2; look++) {
      signal?.throwIfAborted();
      const seen = await this.#marked(token, ['STOP', 'KILL']);
      left = seen.left;
      // A stranger may hide what it was started with for ever: that is no reason to.
      const isEmpty = left === 0 && (seen.unsettled === 0 || look >= UNSETTLED_LOOKS);
      empty = isEmpty ? empty + 1 : 0;
      if (!isEmpty) await delay(LOOK_MS);
    }
    return left;
  }

  async #marked(
    token: string,
    signals: readonly string[],
  ): Promise<{ readonly left: number; readonly unsettled: number }> {
    const reply = await this.#options.link.request('marked', [token, ...signals]);
    const counts = reply.kind === 'status' && reply.status === 0 && /^(\d{1,7}) (\d{1,7})$/.exec(reply.text);
    if (counts) return { left: Number(counts[1]), unsettled: Number(counts[2]) };
    throw new SandboxError('unreachable', 'Ending a command failed: the box answered nonsense. Try again.');
  }

  async #interrupt(watch: OpWatch): Promise<void> {
    const process = this.#entries.get(watch.id)?.op.process;
    if (process === null || process === undefined || watch.exitCode !== null) return;
    await this.#options.link.request('interrupt', [process.pid, process.start]);
  }

  #drop(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    const { op } = entry;
    op.watch.forgotten = true;
    op.release();
    op.watch.wake();
    if (op.scriptFile !== null) this.#options.link.request('unkeep', [op.scriptFile]).catch(() => undefined);
  }

  /** What the processes of the runner read and feed; here it lies in our own memory. */
  #asSpool(): Spool {
    const opOf = (id: string) => this.#entries.get(id)?.op ?? null;
    return {
      blockBytes: Number.POSITIVE_INFINITY,
      chunkBytes: 1024 * 1024,
      record: async (id) => opOf(id)?.record() ?? null,
      list: async () => [...this.#entries.keys()],
      read: async (id, { from, most }: OutputWish) => {
        const op = opOf(id);
        const none = new Uint8Array(0);
        if (op === null) return { stdout: none, stderr: none };
        return {
          stdout: await op.stdout.read(from.stdout, most.stdout),
          stderr: await op.stderr.read(from.stderr, most.stderr),
        };
      },
      sizes: async (id) => ({
        stdout: opOf(id)?.stdout.sizeBytes ?? 0,
        stderr: opOf(id)?.stderr.sizeBytes ?? 0,
      }),
      put: () => Promise.reject(new Error('nothing is put beside a command of a bare box')),
      feed: async (id, _number, bytes): Promise<FeedOutcome> => opOf(id)?.feed(bytes) ?? 'ended',
      usage: async (): Promise<SpoolUsage> => ({ bytes: 0, ended: [] }),
      forget: async (ids) => {
        for (const id of ids) this.#drop(id);
      },
      forgetSoon: (id) => this.#drop(id),
      flush: async () => undefined,
    };
  }
}

function takenId(id: string): SandboxError {
  return new SandboxError(
    'conflict',
    `Running a command was refused: the id ${id} is taken. Choose another one.`,
    { started: 'no' },
  );
}
