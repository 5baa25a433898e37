// One command of a MemoryBox: its task, its output, its end. Handles come and go; this stays until it is forgotten.
import type {
  Bytes,
  ExitStatus,
  OutputCursor,
  OutputEvent,
  SandboxError,
  SpawnRequest,
} from '@boxyard/sandbox-core';
import { deferred } from './deferred.ts';
import { MemoryInput, MemorySpool } from './memory-stream.ts';
import type { MemoryTask, MemoryTasks } from './memory-task.ts';
import { Script, type ScriptWorld } from './script-run.ts';

// How long output is awaited that descendants of an ended command still hold open.
const DRAIN_MS = 100;

export interface PreparedCommand {
  readonly request: SpawnRequest;
  readonly cwd: readonly string[];
  readonly environment: ReadonlyMap<string, string>;
}

export class MemoryOperation {
  readonly id: string;
  readonly spool = new MemorySpool();
  readonly stdin: MemoryInput;
  readonly #tasks: MemoryTasks;
  readonly #task: MemoryTask;
  readonly #ended = deferred<ExitStatus>();
  readonly #drained = deferred<void>();
  #endedBy: ExitStatus['endedBy'] | null = null;
  #status: ExitStatus | null = null;
  #lost: SandboxError | null = null;
  #limit: NodeJS.Timeout | undefined;

  constructor(id: string, world: ScriptWorld, command: PreparedCommand) {
    this.id = id;
    this.#tasks = world.tasks;
    const { request } = command;
    this.stdin = request.stdin === 'open' ? new MemoryInput() : MemoryInput.of(new Uint8Array());
    const stdout = (bytes: Bytes) => this.spool.add('stdout', bytes);
    const stderr = request.output === 'merged' ? stdout : (bytes: Bytes) => this.spool.add('stderr', bytes);
    this.#task = world.tasks.start('sh', null, (task) => {
      task.sinks = new Set([stdout, stderr]);
      return runCommand(world, task, command, { stdin: this.stdin, stdout, stderr });
    });
    if (request.runLimitMs !== undefined) {
      this.#limit = setTimeout(() => {
        this.#endedBy ??= 'run-limit';
        for (const task of this.#tasks.tree(this.#task)) task.signal('KILL');
      }, request.runLimitMs);
    }
    this.#ended.promise.catch(() => {});
    this.#drained.promise.catch(() => {});
    void this.#follow([stdout, stderr]);
  }

  get running(): boolean {
    return this.#status === null && this.#lost === null;
  }

  /** The command's own end; its output may go on. */
  get ended(): Promise<ExitStatus> {
    return this.#ended.promise;
  }

  /** Nothing more will be printed, or nobody waits for it any more. */
  get drained(): Promise<void> {
    return this.#drained.promise;
  }

  /** Whether anything that this command started still lives. */
  get alive(): boolean {
    return this.#tasks.tree(this.#task).length > 0;
  }

  interrupt(): void {
    for (const task of this.#tasks.tree(this.#task)) task.signal('INT');
  }

  async kill(graceMs: number): Promise<void> {
    if (this.running) this.#endedBy ??= 'kill';
    for (const task of this.#tasks.tree(this.#task)) task.signal('TERM');
    await this.#gone(graceMs);
    while (this.alive) {
      for (const task of this.#tasks.tree(this.#task)) task.signal('KILL');
      await this.#gone(10);
    }
    await this.#drained.promise;
  }

  /** The box is gone, and this with it. */
  lose(error: SandboxError): void {
    this.#lost = error;
    clearTimeout(this.#limit);
    for (const task of this.#tasks.tree(this.#task)) task.signal('KILL');
    this.#ended.reject(error);
    this.#drained.reject(error);
    this.spool.finish(false);
  }

  async *output(from: OutputCursor, signal: AbortSignal): AsyncGenerator<OutputEvent, void, void> {
    const at = { ...from };
    for (let number = 0; !signal.aborted; ) {
      if (this.#lost !== null) throw this.#lost;
      const chunk = this.spool.chunk(number);
      if (chunk !== null) {
        number++;
        const skip = at[chunk.channel] - chunk.offset;
        if (skip >= chunk.bytes.length) continue;
        const bytes = chunk.bytes.slice(Math.max(0, skip));
        const offset = at[chunk.channel];
        at[chunk.channel] += bytes.length;
        yield { kind: 'chunk', channel: chunk.channel, bytes, offset, next: { ...at } };
      } else if (this.spool.end !== null) {
        yield { kind: 'end', complete: this.spool.end.complete, next: { ...at } };
        return;
      } else await this.spool.more(signal);
    }
  }

  async #follow(sinks: readonly unknown[]): Promise<void> {
    const { exitCode, signal } = await this.#task.ended;
    clearTimeout(this.#limit);
    if (this.#lost !== null) return;
    this.stdin.end();
    this.#status = {
      exitCode,
      signal: signal === null ? null : `SIG${signal}`,
      endedBy: this.#endedBy ?? 'itself',
    };
    this.#ended.resolve(this.#status);
    const holding = () =>
      this.#tasks.tree(this.#task).filter((task) => sinks.some((sink) => task.sinks.has(sink)));
    const end = performance.now() + DRAIN_MS;
    while (holding().length > 0 && performance.now() < end) await this.#anyEnd(holding(), 10);
    this.spool.finish(holding().length === 0);
    this.#drained.resolve();
  }

  async #gone(withinMs: number): Promise<void> {
    const end = performance.now() + withinMs;
    while (this.alive && performance.now() < end) await this.#anyEnd(this.#tasks.tree(this.#task), withinMs);
  }

  async #anyEnd(tasks: readonly MemoryTask[], withinMs: number): Promise<void> {
    const { promise, resolve } = deferred<void>();
    const timer = setTimeout(resolve, withinMs);
    for (const task of tasks) void task.ended.then(() => resolve());
    await promise;
    clearTimeout(timer);
  }
}

async function runCommand(
  world: ScriptWorld,
  task: MemoryTask,
  { request, cwd, environment }: PreparedCommand,
  streams: Parameters<Script['runText']>[1],
): Promise<number> {
  const { program } = request;
  const script = new Script(world, task, cwd, environment, ['sh']);
  if ('argv' in program) return script.runProgram(program.argv, streams);
  if (program.login === true) {
    const profile = script.place(`${environment.get('HOME') ?? ''}/.profile`).node;
    if (profile?.kind === 'file') await script.runText(Buffer.from(profile.bytes).toString('utf8'), streams);
  }
  return script.runText(program.script, streams);
}
