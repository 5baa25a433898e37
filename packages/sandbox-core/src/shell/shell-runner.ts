// Commands of a box through one persistent channel to one shell in it. What runs does not depend on us: the shell
// forks a keeper for each command, output and status are files in the spool, and any later process goes on there.
import { randomUUID } from 'node:crypto';
import type { BoxAttach } from '../box-capabilities.ts';
import type { BoxProcess, ExecRequest, ExecResult, SpawnRequest } from '../box-process.ts';
import type { CallOptions } from '../call-options.ts';
import { bounded, throwIfAborted } from '../deadline/bounded.ts';
import { SandboxError } from '../sandbox-error.ts';
import { type CheckedCommand, checkCommand, checkProcessId } from './command-request.ts';
import { checkMaxOutput, collectOutput } from './op-collect.ts';
import { type OpPlace, type OpStart, startOp } from './op-start.ts';
import { OpWatch } from './op-watch.ts';
import { OpWatches } from './op-watches.ts';
import { closedHandle, RunnerLinks, type RunnerLinksOptions, type RunnerProbe } from './runner-links.ts';
import { isStatus, type ShellNotice } from './shell-frames.ts';
import { type ShellLane, ShellLanes } from './shell-lanes.ts';
import { type ProcessHost, ShellProcess } from './shell-process.ts';
import { ShellSpool } from './shell-spool.ts';
import type { Spool } from './spool.ts';
import { SpoolBudget } from './spool-budget.ts';

/** `spoolDir` lies in the box, outside its workspace, so that no archive holds it. */
export interface ShellRunnerOptions extends RunnerLinksOptions {
  /** Reads the spool without the shell, where that is possible. */
  readonly spool?: Spool;
  /** What the output of one command may take; 1 GiB when absent. */
  readonly spoolLimitBytes?: number;
  /**
   * What the output of all commands of the box may take together; 4 GiB when absent. Beyond it no command is
   * started until some that have ended are forgotten. What runs may go beyond it, by its own limit at most.
   */
  readonly boxSpoolLimitBytes?: number;
  /**
   * Keeps a few more shells at hand, which make `exec` quicker. Only for channels whose `destroy` surely ends
   * the process on the other side, together with a `spool` that has slots.
   */
  readonly lanes?: boolean;
}

const DEFAULT_SPOOL_LIMIT_BYTES = 1024 ** 3;
const DEFAULT_BOX_SPOOL_LIMIT_BYTES = 4 * 1024 ** 3;
/** A command that its caller gave up gets this long to end by itself. */
const GIVE_UP_GRACE_MS = 300;
/** How long a given-up exec waits for the end of its command before it throws; a frozen box never answers. */
const GIVE_UP_WAIT_MS = 1000;
const LIMIT_GRACE_MS = 1000;
const INTERRUPT_PAUSE_MS = 20;
/** How long closing waits until what has ended is forgotten; a frozen box never answers. */
const FLUSH_WAIT_MS = 1000;

export class ShellRunner {
  readonly #links: RunnerLinks;
  readonly #lanes: ShellLanes | null;
  readonly #spool: Spool;
  readonly #budget: SpoolBudget;
  readonly #place: OpPlace;
  readonly #watches = new OpWatches();
  readonly #killWaiters = new Map<string, Set<(left: number) => void>>();
  readonly #host: ProcessHost;
  #closed = false;

  constructor(options: ShellRunnerOptions) {
    const note = (notice: ShellNotice) => this.#note(notice);
    const wakeAll = () => this.#wakeAll();
    this.#links = new RunnerLinks(options, note, wakeAll);
    this.#spool = options.spool ?? new ShellSpool((...frame) => this.#links.request(...frame), options.epoch);
    this.#budget = new SpoolBudget(this.#spool, options.boxSpoolLimitBytes ?? DEFAULT_BOX_SPOOL_LIMIT_BYTES);
    const spoolBlocks = Math.max(1, Math.floor((options.spoolLimitBytes ?? DEFAULT_SPOOL_LIMIT_BYTES) / 512));
    const hasLanes = options.lanes === true && this.#spool.slots !== undefined;
    this.#lanes = hasLanes ? new ShellLanes({ ...options, spoolBlocks }, note, wakeAll) : null;
    this.#place = {
      links: this.#links,
      spool: this.#spool,
      spoolDir: options.spoolDir,
      epoch: options.epoch,
      spoolBlocks,
    };
    this.#host = {
      spool: this.#spool,
      ensureOpen: () => this.#ensureOpen(),
      kill: (id, graceMs) => this.#kill(id, graceMs, '-', false, 'k'),
      interrupt: (watch, signal) => this.#interrupt(watch, signal),
      forget: (watch) => this.#remove(watch),
    };
  }

  /** What the shell in the box stands on. A box that does not answer is `unreachable`, not `unsupported`. */
  probe(options?: CallOptions): Promise<RunnerProbe> {
    return bounded(options, 'Probing the shell of the box', () => this.#links.probe());
  }

  /** Only where the probe says that commands can be found again. */
  readonly attaching: BoxAttach = {
    attach: (id, options) =>
      bounded(options, `Attaching to ${JSON.stringify(id)}`, async () => {
        this.#ensureOpen();
        return this.#attach(checkProcessId(id));
      }),
    list: (options) =>
      bounded(options, 'Listing commands', async () => {
        this.#ensureOpen();
        await this.#spool.flush();
        return this.#spool.list();
      }),
  };

  /** A start that was given up may still happen; without an id of the caller's nobody could find it: it is ended. */
  async spawn(request: SpawnRequest, options?: CallOptions): Promise<BoxProcess> {
    const id = request.id ?? newId();
    let mayRun = false;
    let lane = null as ShellLane | null;
    try {
      return await bounded(options, 'Starting a command', async (signal) => {
        this.#ensureOpen();
        const command = checkCommand(request);
        const { stdin = 'none' } = request;
        const fence = options?.fence;
        checkProcessId(id);
        mayRun = true;
        lane = this.#lanes?.take(stdin === 'open') ?? null;
        const watch = await this.#start({ id, command, stdin, lane, signal, fence });
        return watch === null ? await this.#attach(id) : new ShellProcess(watch, this.#host);
      });
    } catch (error) {
      const nothingRan = SandboxError.isInstance(error) && error.started === 'no';
      const mayStay = request.id !== undefined;
      // Ending the lane could cut off a command that is just beginning, and its id would look free again.
      if (mayStay && lane?.turn === 'asked' && !nothingRan) this.#lanes?.leave(lane);
      else await this.#endTurn(id, lane, { nothingRan, ends: mayRun && !mayStay && !nothingRan });
      throw error;
    }
  }

  /** Owns its command: a call that gives up ends it, and what it left in the box goes too. */
  async exec(request: ExecRequest, options?: CallOptions): Promise<ExecResult> {
    const id = request.id ?? newId();
    let mayRun = false;
    let lane = null as ShellLane | null;
    try {
      return await bounded(options, 'Running a command', async (signal) => {
        this.#ensureOpen();
        const command = checkCommand(request);
        const mostBytes = checkMaxOutput(request.maxOutputBytes);
        const fence = options?.fence;
        checkProcessId(id);
        const begunAt = performance.now();
        mayRun = true;
        lane = this.#lanes?.take(false) ?? null;
        const watch = await this.#start({ id, command, stdin: request.stdin ?? 'none', lane, signal, fence });
        if (watch === null) {
          mayRun = false;
          throw takenId(id);
        }
        const result = await collectOutput(watch, this.#spool, command, mostBytes, signal);
        // An orphan that holds the output would hold up the next command too.
        if (lane !== null && !watch.closed) this.#lanes?.leave(lane);
        lane = null;
        // Not waited for: the result is complete, and the record is nobody's business any more.
        this.#drop(watch);
        this.#spool.forgetSoon(id);
        return { ...result, durationMs: performance.now() - begunAt };
      });
    } catch (error) {
      const nothingRan = SandboxError.isInstance(error) && error.started === 'no';
      await this.#endTurn(id, lane, { nothingRan, ends: mayRun && !nothingRan });
      throw error;
    }
  }

  /** After a call that failed: what it took in the box is given back, and what it started is ended where `ends`. */
  async #endTurn(
    id: string,
    lane: ShellLane | null,
    { nothingRan, ends }: { readonly nothingRan: boolean; readonly ends: boolean },
  ): Promise<void> {
    const turn = lane?.turn ?? 'untouched';
    if (lane !== null && (turn === 'asked' || turn === 'handed')) {
      // It would run what nobody wants any more as soon as it comes to it, or its files are not its own any more.
      const ended = this.#lanes?.destroy(lane) ?? Promise.resolve();
      await bounded({ deadlineMs: GIVE_UP_WAIT_MS }, 'Ending a lane', () => ended).catch(() => undefined);
    } else if (lane !== null && turn === 'answered' && !nothingRan) this.#lanes?.leave(lane);
    else if (lane !== null) this.#lanes?.give(lane);
    if (ends) await this.#giveUp(id);
    if (turn !== 'untouched') await this.#spool.slots?.takeBack(id);
  }

  /** Ends what carries `BOXYARD_OP=<mark>/<id>` or belongs to `session`; answers how many are left. */
  killTree(id: string, session: number, graceMs: number, options?: CallOptions): Promise<number> {
    return bounded(options, 'Ending a process tree', () =>
      this.#kill(checkProcessId(id), graceMs, String(session), false, 'k'),
    );
  }

  /** Ends every process of the box but the shell of this runner; answers how many are left. */
  stopAll(options?: CallOptions): Promise<number> {
    return bounded(options, 'Ending every process of the box', () => this.#askToKill('.', 'stop', []));
  }

  /** Lets go; commands go on. What was asked of the box before is still done by it. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wakeAll();
    this.#lanes?.close();
    await bounded({ deadlineMs: FLUSH_WAIT_MS }, 'Forgetting commands', () => this.#spool.flush()).catch(
      () => undefined,
    );
    await this.#links.close();
  }

  /** Who waits for a notice has to look again: none may come any more. */
  #wakeAll(): void {
    for (const watch of this.#watches.running()) watch.wake();
  }

  #ensureOpen(): void {
    if (this.#closed) throw closedHandle();
  }

  #note(notice: ShellNotice): void {
    if (notice.kind === 'killed') {
      for (const resolve of this.#killWaiters.get(notice.id) ?? []) resolve(notice.left);
      return;
    }
    if (notice.kind === 'ready') return;
    const watch = this.#watches.get(notice.id);
    if (notice.kind === 'exit') {
      watch?.noteMarks(notice);
      watch?.noteExit(notice.code);
    } else watch?.noteClosed(notice.cut);
  }

  /** One for each id, so that two handles of one command see the same. */
  #watch(id: string): OpWatch {
    const present = this.#watches.get(id);
    if (present !== undefined) return present;
    const watch = new OpWatch(id, () => this.#spool.record(id));
    this.#watches.add(watch);
    return watch;
  }

  async #attach(id: string): Promise<BoxProcess> {
    await this.#spool.flush(id);
    const watch = this.#watch(id);
    try {
      await watch.refresh();
    } catch (error) {
      if (SandboxError.hasCode(error, 'not-found') && this.#watches.get(id) === watch)
        this.#watches.delete(watch);
      throw error;
    }
    return new ShellProcess(watch, this.#host);
  }

  /** Null when the id was taken before. */
  async #start(start: OpStart): Promise<OpWatch | null> {
    await this.#budget.check();
    throwIfAborted(start.signal, 'Starting a command');
    await this.#spool.flush(start.id);
    const had = this.#watches.get(start.id) !== undefined;
    // Before the question: the notice of a quick command comes together with the answer.
    const watch = this.#watch(start.id);
    try {
      const started = await startOp(this.#place, start);
      if (started.known) {
        if (!had) this.#watches.delete(watch);
        return null;
      }
      const { link, keeperPid } = started;
      if (link !== null) {
        watch.noticed = () => link.alive;
        if (Number.isSafeInteger(keeperPid) && keeperPid > 0) watch.onClosed(() => link.reap(keeperPid));
      }
      if (link !== null && link !== start.lane?.link) this.#lanes?.more(start.stdin === 'open');
      this.#armLimit(watch, start.command);
      return watch;
    } catch (error) {
      if (!had) this.#watches.delete(watch);
      throw error;
    }
  }

  #armLimit(watch: OpWatch, { runLimitMs }: CheckedCommand): void {
    if (runLimitMs === null) return;
    const timer = setTimeout(
      () => {
        if (watch.exitCode !== null || this.#closed) return;
        this.#kill(watch.id, LIMIT_GRACE_MS, '-', false, 't').catch(() => undefined);
      },
      Math.min(runLimitMs, 2 ** 31 - 1),
    );
    timer.unref();
    watch.onClosed(() => clearTimeout(timer));
  }

  /** In the box, in one frame: kill, wait for the end, remove. It also happens when nobody listens any more. */
  async #giveUp(id: string): Promise<void> {
    const ended = this.#kill(id, GIVE_UP_GRACE_MS, '-', true, 'k').finally(() => {
      const watch = this.#watches.get(id);
      if (watch !== undefined) this.#drop(watch);
    });
    await bounded({ deadlineMs: GIVE_UP_WAIT_MS }, 'Ending a given-up command', () => ended).catch(
      () => undefined,
    );
  }

  #kill(id: string, graceMs: number, session: string, forget: boolean, mark: 'k' | 't'): Promise<number> {
    const tenths = String(Math.min(36_000, Math.ceil(graceMs / 100)));
    return this.#askToKill(id, 'kill', [id, tenths, session, forget ? '1' : '0', mark]);
  }

  async #askToKill(id: string, verb: string, args: readonly string[]): Promise<number> {
    const link = await this.#links.link();
    const waiters = this.#killWaiters.get(id) ?? new Set();
    this.#killWaiters.set(id, waiters);
    let tell: (left: number) => void = () => undefined;
    let takeBack: () => void = () => undefined;
    const told = new Promise<number>((resolve, reject) => {
      tell = resolve;
      takeBack = link.onEnd(() =>
        reject(
          new SandboxError('unreachable', 'The channel to the box ended while it was killing; try again.'),
        ),
      );
    });
    told.catch(() => undefined);
    waiters.add(tell);
    try {
      const reply = await link.request(verb, args);
      const left = await told;
      if (reply.kind === 'status' && /^\d{1,10}$/.test(reply.text)) link.reap(Number(reply.text));
      return left;
    } finally {
      takeBack();
      waiters.delete(tell);
      if (waiters.size === 0) this.#killWaiters.delete(id);
    }
  }

  async #interrupt(watch: OpWatch, signal: AbortSignal): Promise<void> {
    while (true) {
      const reply = await this.#links.request('interrupt', [watch.id]);
      if (isStatus(reply, 0)) return;
      if (!isStatus(reply, 5)) await watch.refresh();
      // It has ended: there is nothing left to interrupt.
      if (isStatus(reply, 2)) return;
      await watch.pause(INTERRUPT_PAUSE_MS, signal);
    }
  }

  async #remove(watch: OpWatch): Promise<void> {
    this.#drop(watch);
    await this.#spool.forget([watch.id]);
  }

  #drop(watch: OpWatch): void {
    watch.forgotten = true;
    watch.wake();
    if (this.#watches.get(watch.id) === watch) this.#watches.delete(watch);
  }
}

function takenId(id: string): SandboxError {
  return new SandboxError(
    'conflict',
    `Running a command was refused: the id ${id} is taken. Attach to it, or choose another one.`,
    { started: 'no' },
  );
}

function newId(): string {
  return randomUUID();
}
