// The machine behind every handle of a MemoryBox: files, commands, and what a test does to it from outside.
import { randomUUID } from 'node:crypto';
import {
  checkRelativePath,
  movedOn,
  SandboxError,
  type SessionFence,
  type SpawnRequest,
} from '@boxyard/sandbox-core';
import { type Deferred, deferred } from './deferred.ts';
import { MemoryOperation, type PreparedCommand } from './memory-operation.ts';
import { MemoryTasks } from './memory-task.ts';
import { MemoryTree, newFile, newFolder } from './memory-tree.ts';
import { PROGRAMS } from './script-programs.ts';
import { programName } from './script-run.ts';

const ENVIRONMENT_NAME = /^[A-Za-z_]\w*$/;
const OPERATION_ID = /^[A-Za-z0-9_-]{1,64}$/;
const BASE_ENVIRONMENT = { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8' };

/** Where every box of memory has its workspace. */
export const WORKSPACE_ROOT = '/workspace';

export class MemoryMachine {
  readonly instance: string;
  readonly workspaceRoot = WORKSPACE_ROOT;
  readonly root: readonly string[] = ['workspace'];
  readonly tree = new MemoryTree();
  readonly tasks = new MemoryTasks();
  readonly #environment: Readonly<Record<string, string>>;
  readonly #operations = new Map<string, MemoryOperation>();
  readonly #sessions = new Map<string, number>();
  #epoch: number;
  #gone = false;
  #thawed: Deferred<void> | null = null;

  constructor(
    options: {
      readonly instance?: string;
      readonly epoch?: number;
      readonly environment?: Readonly<Record<string, string>>;
    } = {},
  ) {
    this.instance = options.instance ?? `memory-${randomUUID()}`;
    this.#epoch = options.epoch ?? 1;
    this.#environment = options.environment ?? {};
    const { children } = this.tree.root;
    children.set('workspace', newFolder());
    children.set('tmp', newFolder());
    const etc = newFolder();
    etc.children.set('hostname', newFile(new Uint8Array(Buffer.from('memory\n'))));
    etc.children.set('passwd', newFile(new Uint8Array(Buffer.from('root:x:0:0::/root:/bin/sh\n'))));
    children.set('etc', etc);
  }

  get epoch(): number {
    return this.#epoch;
  }

  get gone(): boolean {
    return this.#gone;
  }

  /** A newer owner has opened the machine: handles of older epochs change nothing any more. */
  raiseEpoch(epoch: number): void {
    if (epoch > this.#epoch) this.#epoch = epoch;
  }

  /** Throws when the session has been seen with a higher epoch: it works in another box since. */
  passSession({ sessionId, activeEpoch }: SessionFence): void {
    if ((this.#sessions.get(sessionId) ?? 0) > activeEpoch) throw movedOn('The change');
    this.#sessions.set(sessionId, activeEpoch);
  }

  freeze(): void {
    this.#thawed ??= deferred<void>();
  }

  thaw(): void {
    this.#thawed?.resolve();
    this.#thawed = null;
  }

  /** Resolves while the machine answers. */
  async answering(signal: AbortSignal): Promise<void> {
    while (this.#thawed !== null && !signal.aborted) {
      const { promise, resolve } = deferred<void>();
      signal.addEventListener('abort', () => resolve(), { once: true });
      void this.#thawed.promise.then(resolve);
      await promise;
    }
  }

  destroy(): void {
    this.#gone = true;
    const error = new SandboxError('gone', `Box ${this.instance} does not exist any more; create another.`);
    for (const operation of this.#operations.values()) operation.lose(error);
    this.#operations.clear();
    this.stopTasks();
    this.thaw();
  }

  /** Ends every command and keeps the files. */
  async park(): Promise<void> {
    await Promise.all([...this.#operations.values()].map((operation) => operation.kill(0)));
    this.#operations.clear();
    this.stopTasks();
  }

  stopTasks(): void {
    for (const task of this.tasks.alive()) task.signal('KILL');
  }

  /** What commands left behind. */
  leftovers(): readonly string[] {
    return [
      ...[...this.#operations.keys()].map((id) => `command ${id}`),
      ...this.tasks.alive().map((task) => `task ${task.pid}`),
    ];
  }

  operation(id: string): MemoryOperation {
    const found = this.#operations.get(id);
    if (found === undefined)
      throw new SandboxError('not-found', `There is no command ${id}; list what there is.`);
    return found;
  }

  operationIds(): readonly string[] {
    return [...this.#operations.keys()];
  }

  forget(id: string): void {
    if (this.operation(id).running) {
      throw new SandboxError('conflict', `Command ${id} still runs; end it first.`, { started: 'no' });
    }
    this.#operations.delete(id);
  }

  /** Starts a command, or answers the one that has this id already. */
  start(request: SpawnRequest): MemoryOperation {
    const id = request.id ?? randomUUID();
    if (!OPERATION_ID.test(id))
      throw invalid(`The id ${JSON.stringify(id)}: use 1 to 64 characters of A-Za-z0-9_-`);
    const known = this.#operations.get(id);
    if (known !== undefined) return known;
    const operation = new MemoryOperation(id, { tree: this.tree, tasks: this.tasks }, this.#prepare(request));
    this.#operations.set(id, operation);
    return operation;
  }

  #prepare(request: SpawnRequest): PreparedCommand {
    const { program, cwd = '', env = {}, runLimitMs } = request;
    const texts = 'argv' in program ? program.argv : [program.script];
    if (texts.some((text) => text.includes('\0'))) throw invalid('The program holds NUL; remove it');
    for (const [name, value] of Object.entries(env)) {
      if (!ENVIRONMENT_NAME.test(name))
        throw invalid(`${JSON.stringify(name)} names no variable; correct it`);
      if (name.startsWith('BOXYARD_')) throw invalid(`${name} is reserved; choose another name`);
      if (value.includes('\0')) throw invalid(`The value of ${name} holds NUL; remove it`);
    }
    if (runLimitMs !== undefined && !(runLimitMs > 0 && Number.isFinite(runLimitMs))) {
      throw invalid(`runLimitMs is ${runLimitMs}; give milliseconds above 0`);
    }
    const name = 'argv' in program ? program.argv[0] : (program.shell ?? '/bin/sh');
    if (!PROGRAMS.has(programName(name)))
      throw missing(`There is no program ${JSON.stringify(name)}; use sh`);
    return {
      request,
      cwd: this.#folder(cwd),
      environment: new Map(
        Object.entries({ ...BASE_ENVIRONMENT, HOME: this.workspaceRoot, ...this.#environment, ...env }),
      ),
    };
  }

  #folder(cwd: string): readonly string[] {
    checkRelativePath(cwd);
    const { node, path } = this.tree.resolve(cwd, { from: this.root, follow: true, within: this.root });
    if (node === undefined) throw missing(`The folder ${JSON.stringify(cwd)} does not exist; make it first`);
    if (node.kind !== 'dir') throw invalid(`${JSON.stringify(cwd)} is no folder; name one`);
    return path;
  }
}

const invalid = (message: string) =>
  new SandboxError('invalid', `${message}.`, { stage: 'start', started: 'no' });
const missing = (message: string) =>
  new SandboxError('not-found', `${message}.`, { stage: 'start', started: 'no' });
