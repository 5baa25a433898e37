// What stands for an operating system's process in a MemoryBox: a tree of tasks that signals can end.

export type SignalName = 'HUP' | 'INT' | 'KILL' | 'TERM';
export const SIGNAL_NUMBERS: Readonly<Record<SignalName, number>> = { HUP: 1, INT: 2, KILL: 9, TERM: 15 };

/** Thrown through a task that a signal ended. */
export class TaskEnded extends Error {
  override readonly name = 'TaskEnded';
  readonly exitCode: number;
  readonly signal: SignalName | null;

  constructor(exitCode: number, signal: SignalName | null) {
    super(`ended with ${exitCode}`);
    this.exitCode = exitCode;
    this.signal = signal;
  }
}

export class MemoryTasks {
  #last = 100;
  readonly #alive = new Map<number, MemoryTask>();

  /** Begins a task; it is alive until `run` has settled. */
  start(command: string, parent: MemoryTask | null, run: (task: MemoryTask) => Promise<number>): MemoryTask {
    const task = new MemoryTask(++this.#last, command, parent);
    this.#alive.set(task.pid, task);
    task.finish(
      run(task)
        .then((code) => new TaskEnded(code, null))
        .catch((error: unknown) => {
          if (error instanceof TaskEnded) return error;
          throw error;
        })
        .finally(() => this.#alive.delete(task.pid)),
    );
    return task;
  }

  find(pid: number): MemoryTask | undefined {
    return this.#alive.get(pid);
  }

  alive(): readonly MemoryTask[] {
    return [...this.#alive.values()];
  }

  /** The living tasks of one tree, also those whose parents have ended. */
  tree(top: MemoryTask): readonly MemoryTask[] {
    return this.alive().filter((task) => task.top === top);
  }
}

export class MemoryTask {
  readonly pid: number;
  readonly command: string;
  readonly top: MemoryTask;
  /** What the task does on a signal: null ignores it, a script runs; absent ends the task. */
  readonly traps = new Map<SignalName, string | null>();
  /** Where the task may still print; while it lives, a command that shares these has open output. */
  sinks: ReadonlySet<unknown>;
  readonly #pending: SignalName[] = [];
  #ended: Promise<TaskEnded> = Promise.resolve(new TaskEnded(0, null));
  #stop = new AbortController();
  /** Nothing handles this one. */
  #killed: TaskEnded | null = null;

  constructor(pid: number, command: string, parent: MemoryTask | null) {
    this.pid = pid;
    this.command = command;
    this.top = parent?.top ?? this;
    this.sinks = parent?.sinks ?? new Set();
    // As for real ones: what the parent ignores its children ignore.
    for (const [signal, trap] of parent?.traps ?? []) if (trap === null) this.traps.set(signal, null);
  }

  /** Only for `MemoryTasks`. */
  finish(ended: Promise<TaskEnded>): void {
    this.#ended = ended;
  }

  get ended(): Promise<TaskEnded> {
    return this.#ended;
  }

  signal(name: SignalName): void {
    if (name !== 'KILL') {
      if (this.traps.get(name) === null) return;
      if (this.traps.has(name)) this.#pending.push(name);
    }
    const end = new TaskEnded(128 + SIGNAL_NUMBERS[name], name);
    if (name === 'KILL') this.#killed = end;
    if (!this.#stop.signal.aborted) this.#stop.abort(end);
  }

  /** Scripts of traps whose signals came meanwhile; taking them lets the task go on. */
  takeTraps(): readonly string[] {
    if (this.#killed !== null) throw this.#killed;
    const scripts = this.#pending.splice(0).map((name) => this.traps.get(name) ?? '');
    if (scripts.length > 0) this.#stop = new AbortController();
    return scripts;
  }

  get trapped(): boolean {
    return this.#killed === null && this.#pending.length > 0;
  }

  check(): void {
    if (this.#stop.signal.aborted) throw this.#stop.signal.reason;
  }

  /** Waits for `promise`, or throws what ends the task first. */
  async wait<T>(start: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.check();
    const { signal } = this.#stop;
    let onAbort: () => void = () => {};
    const stopped = new Promise<never>((_, reject) => {
      onAbort = () => reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
    });
    const waiting = start(signal);
    waiting.catch(() => {});
    try {
      return await Promise.race([waiting, stopped]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }
}
