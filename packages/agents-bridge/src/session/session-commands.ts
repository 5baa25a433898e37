// Commands as the tools `exec_command` and `write_stdin` mean them: wait a while, then answer what there is.
import { type CallOptions, type ProcessId, SandboxError } from '@boxyard/sandbox-core';
import type { ExecCommandArgs, SandboxExecResult, WriteStdinArgs } from '@openai/agents-core/sandbox';
import { type CommandReport, commandReport } from '../banner.ts';
import { AgentsSessionError, boxErrorOf, refuseRunAs, sessionErrorFrom } from '../session-error.ts';
import type { ActiveBox, CurrentBox } from './current-box.ts';
import { type LiveCommand, type OutputListener, PipeCommand, type Progress } from './live-command.ts';
import { LiveCommands, MOST_LIVE_COMMANDS } from './live-commands.ts';
import type { ShownPaths } from './shown-paths.ts';
import { openTerminalCommand } from './terminal-command.ts';

export interface SessionCommandsOptions {
  readonly current: CurrentBox;
  readonly paths: ShownPaths;
  /** Of one call to the box; how long a command may be waited for is up to the model, within `MOST_WAIT_MS`. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal | undefined;
  readonly detach: AbortSignal | undefined;
  readonly firstNumber: number;
  readonly commandId: (() => ProcessId | undefined) | undefined;
  readonly outputListener: (() => OutputListener | undefined) | undefined;
  readonly news: (() => readonly string[]) | undefined;
}

/** What another process left running, and how long it may be waited for. */
export interface ResumeCommandArgs {
  readonly yieldTimeMs?: number | undefined;
  readonly maxOutputTokens?: number | undefined;
}

/** What the SDK's tools say when the model says nothing. */
const EXEC_WAIT_MS = 10_000;
const STDIN_WAIT_MS = 250;
/** A model that asks for hours still gets an answer: the command runs on, and can be polled. */
const MOST_WAIT_MS = 300_000;
const CANCEL_GRACE_MS = 1000;
/** A turn that is cancelled waits no longer than this for the command to end. */
const CANCEL_WAIT_MS = 4000;
const STOP_GRACE_MS = 500;
/** Nothing is pending any more: only what is on its way is waited for. */
const LAST_LOOK_MS = 500;

const CTRL_C = '\u0003';

export class SessionCommands {
  readonly #options: SessionCommandsOptions;
  readonly #live: LiveCommands;
  readonly #announced = new Set<string>();
  /** Commands that were named by the caller and have ended: their records stay until it says so. */
  readonly #ended = new Set<LiveCommand>();
  readonly #stopsWaiting: AbortSignal | undefined;

  constructor(options: SessionCommandsOptions) {
    this.#options = options;
    this.#live = new LiveCommands(options.firstNumber);
    const { signal, detach } = options;
    this.#stopsWaiting =
      signal !== undefined && detach !== undefined ? AbortSignal.any([signal, detach]) : (signal ?? detach);
  }

  get nextNumber(): number {
    return this.#live.next;
  }

  /** For `execCommand`: both channels in their true order. */
  async report(args: ExecCommandArgs): Promise<CommandReport> {
    const startedAtMs = performance.now();
    const { command, active } = await this.#start(args, 'merged');
    const onOutput = this.#options.outputListener?.();
    const { progress, notes } = await this.#firstLook(command, args.yieldTimeMs, onOutput);
    return this.#finish({
      command,
      progress,
      startedAtMs,
      maxOutputTokens: args.maxOutputTokens,
      notes: [...notes, ...this.#rootNotes(active, args.cmd)],
      known: null,
    });
  }

  /** For `exec`: both channels apart, whole up to a megabyte each. */
  async result(args: ExecCommandArgs): Promise<SandboxExecResult> {
    const startedAtMs = performance.now();
    const { command } = await this.#start(args, 'separate');
    const { progress } = await this.#firstLook(command, args.yieldTimeMs);
    if (progress.trouble !== null && isFinal(progress.trouble)) {
      this.#letGo(command);
      throw sessionErrorFrom(progress.trouble);
    }
    const report = this.#finish({
      command,
      progress: { ...progress, text: progress.stdout + progress.stderr },
      startedAtMs,
      maxOutputTokens: args.maxOutputTokens,
      notes: [],
      known: null,
    });
    const { output, wallTimeSeconds, exitCode, sessionId, originalTokenCount } = report;
    return {
      output,
      stdout: progress.stdout,
      stderr: progress.stderr,
      wallTimeSeconds,
      exitCode,
      ...(sessionId === null ? {} : { sessionId }),
      ...(originalTokenCount === null ? {} : { originalTokenCount }),
    };
  }

  /**
   * A command that was started under this id, by whichever process. Its output comes from the beginning.
   *
   * @throws SandboxError `not-found` when the box has no record of it, `unsupported` when it keeps none.
   */
  async resume(id: ProcessId, { yieldTimeMs, maxOutputTokens }: ResumeCommandArgs): Promise<CommandReport> {
    const startedAtMs = performance.now();
    const call = this.#call();
    const { box } = await this.#options.current.get(call);
    const { attach } = box.capabilities;
    if (!attach.available) {
      throw new SandboxError('unsupported', `Commands of this box are not found again: ${attach.reason}.`, {
        started: 'no',
      });
    }
    const command = new PipeCommand(await attach.use.attach(id, call), 'kept');
    const { progress, notes } = await this.#firstLook(command, yieldTimeMs);
    return this.#finish({ command, progress, startedAtMs, maxOutputTokens, notes, known: null });
  }

  /** What the caller's commands that have ended left in the box goes. */
  async forgetEnded(): Promise<void> {
    const ended = [...this.#ended];
    this.#ended.clear();
    await Promise.all(ended.map((command) => command.forget()));
  }

  async write(args: WriteStdinArgs): Promise<CommandReport> {
    const { sessionId, chars = '', yieldTimeMs = STDIN_WAIT_MS, maxOutputTokens } = args;
    const startedAtMs = performance.now();
    const command = this.#live.get(sessionId);
    if (command === undefined) return lostSession(sessionId, startedAtMs);
    return this.#live.inTurn(command, async () => {
      // It may have ended while an earlier call had its turn.
      if (this.#live.get(sessionId) !== command) return lostSession(sessionId, startedAtMs);
      const notes: string[] = [];
      try {
        await this.#type(command, chars);
      } catch (error) {
        const said = boxErrorOf(error);
        if (said === null) throw error;
        if (said.code === 'closed' || said.code === 'gone' || said.code === 'not-found') {
          this.#live.remove(sessionId);
          return lostSession(sessionId, startedAtMs);
        }
        // That it ended meanwhile shows in what it reports below.
        if (said.code !== 'conflict') notes.push(`write_stdin did not arrive: ${said.message}`);
      }
      const onOutput = this.#options.outputListener?.();
      const progress = await command.progress(waitOf(yieldTimeMs), {
        signal: this.#options.signal,
        onOutput,
      });
      return this.#finish({ command, progress, startedAtMs, maxOutputTokens, notes, known: sessionId });
    });
  }

  /** Ends every command that is still known by a number. */
  async stop(): Promise<void> {
    const ended = this.#live.entries().map(async ([id, command]) => {
      // Without the signal: what was cancelled is what is to be ended.
      await command.kill({ deadlineMs: this.#options.deadlineMs, graceMs: STOP_GRACE_MS });
      await command.forget();
      this.#live.remove(id);
    });
    const failure = (await Promise.allSettled(ended)).find((one) => one.status === 'rejected');
    if (failure !== undefined) throw sessionErrorFrom(failure.reason);
  }

  async #start(
    { cmd, workdir, shell, login = false, tty = false, runAs }: ExecCommandArgs,
    output: 'merged' | 'separate',
  ): Promise<{ readonly command: LiveCommand; readonly active: ActiveBox }> {
    refuseRunAs(runAs);
    if (this.#live.isFull) {
      throw new AgentsSessionError(
        'lifecycle_error',
        `${MOST_LIVE_COMMANDS} commands run already. End one with write_stdin, or wait for one.`,
      );
    }
    const call = this.#call();
    try {
      const active = await this.#options.current.get(call);
      const { box } = active;
      const cwd = this.#options.paths.relative(workdir, box.workspaceRoot);
      const script = { script: cmd, shell: shell ?? '/bin/sh', login, cwd };
      if (tty) return { command: await openTerminalCommand(box, script, call), active };
      const program = { script: cmd, login, ...(shell === undefined ? {} : { shell }) };
      const id = this.#options.commandId?.();
      const named = id === undefined ? {} : { id };
      const process = await box.spawn({ program, cwd, output, stdin: 'open', ...named }, call);
      return { command: new PipeCommand(process, id === undefined ? 'forgotten' : 'kept'), active };
    } catch (error) {
      throw sessionErrorFrom(error);
    }
  }

  async #firstLook(
    command: LiveCommand,
    yieldTimeMs: number = EXEC_WAIT_MS,
    onOutput?: OutputListener,
  ): Promise<{ readonly progress: Progress; readonly notes: readonly string[] }> {
    const { signal } = this.#options;
    const look = { signal: this.#stopsWaiting, onOutput };
    const progress = await command.progress(waitOf(yieldTimeMs), look);
    if (progress.ended !== null || progress.trouble !== null || signal?.aborted !== true) {
      return { progress, notes: [] };
    }
    // Whoever cancels the turn does not leave a command behind that nobody waits for.
    try {
      await command.kill({ graceMs: CANCEL_GRACE_MS, deadlineMs: CANCEL_WAIT_MS });
    } catch (error) {
      return { progress, notes: [`The turn was cancelled, but the command may still run: ${textOf(error)}`] };
    }
    const last = await command.progress(LAST_LOOK_MS, { onOutput });
    return {
      progress: {
        ...last,
        text: progress.text + last.text,
        stdout: progress.stdout + last.stdout,
        stderr: progress.stderr + last.stderr,
      },
      notes: ['The turn was cancelled and the command was ended.'],
    };
  }

  async #type(command: LiveCommand, chars: string): Promise<void> {
    if (chars === '') return;
    const text = command instanceof PipeCommand ? chars.replaceAll(CTRL_C, '') : chars;
    // Without a terminal nothing turns the byte into a signal.
    if (text !== chars) await command.interrupt(this.#call());
    if (text !== '') await command.write(text, this.#call());
  }

  #finish(look: {
    readonly command: LiveCommand;
    readonly progress: Progress;
    readonly startedAtMs: number;
    readonly maxOutputTokens: number | undefined;
    readonly notes: readonly string[];
    /** The number that the command has already. */
    readonly known: number | null;
  }): CommandReport {
    const { command, progress, startedAtMs, maxOutputTokens, known } = look;
    const { ended, trouble } = progress;
    const isOver = ended !== null || (trouble !== null && isFinal(trouble));
    if (isOver) {
      if (known !== null) this.#live.remove(known);
      this.#letGo(command);
    }
    const sessionId = isOver ? null : (known ?? this.#live.add(command));
    return commandReport({
      output: progress.text,
      notes: [
        ...(trouble === null ? [] : [troubleNote(trouble)]),
        ...endNotes(progress),
        ...look.notes,
        ...(this.#options.news?.() ?? []),
      ],
      startedAtMs,
      exitCode: isOver ? (ended?.exitCode ?? 1) : null,
      sessionId,
      maxOutputTokens,
    });
  }

  /** Nobody asks for it by its number any more. */
  #letGo(command: LiveCommand): void {
    if (command.isKept) this.#ended.add(command);
    else void command.forget();
  }

  /** After a swap: said once, and again whenever a command names the path that is not there. */
  #rootNotes({ box, atShownRoot }: ActiveBox, cmd: string): readonly string[] {
    if (atShownRoot) return [];
    const { root } = this.#options.paths;
    const isNew = !this.#announced.has(box.workspaceRoot);
    this.#announced.add(box.workspaceRoot);
    if (!isNew && !cmd.includes(root)) return [];
    return [
      `In this box the workspace is ${box.workspaceRoot}, and ${root} is not there. Commands begin in it; $BOXYARD_WORKSPACE holds its path.`,
    ];
  }

  #call(): CallOptions {
    return { deadlineMs: this.#options.deadlineMs, signal: this.#options.signal };
  }
}

function waitOf(yieldTimeMs: number): number {
  if (!Number.isFinite(yieldTimeMs) || yieldTimeMs < 0) return 0;
  return Math.min(yieldTimeMs, MOST_WAIT_MS);
}

function lostSession(sessionId: number, startedAtMs: number): CommandReport {
  const output = `write_stdin failed: session not found: ${sessionId}\n`;
  return commandReport({ output, startedAtMs, exitCode: 1, sessionId: null });
}

/** A handle that was taken away does not come back. */
const TAKEN_AWAY = ['closed', 'fenced', 'gone'];
const isFinal = ({ code, retryable }: SandboxError) => !retryable || TAKEN_AWAY.includes(code);

function troubleNote(trouble: SandboxError): string {
  if (TAKEN_AWAY.includes(trouble.code))
    return `It has ended with its box, which was stopped (${trouble.code}).`;
  return trouble.retryable
    ? `Its output cannot be read now (${trouble.code}): ${trouble.message} Poll it again.`
    : `It was lost (${trouble.code}): ${trouble.message}`;
}

function endNotes({ ended }: Progress): readonly string[] {
  if (ended?.endedBy === 'run-limit') return ['It was ended: it ran longer than it may.'];
  return ended?.endedBy === 'kill' ? ['It was ended from outside.'] : [];
}

function textOf(error: unknown): string {
  return SandboxError.isInstance(error) || error instanceof Error ? error.message : String(error);
}
