// Runs parsed scripts. Every wait can be ended by a signal to the task.
import { setImmediate as turn } from 'node:timers/promises';
import { type Bytes, SandboxError } from '@boxyard/sandbox-core';
import { MemoryInput } from './memory-stream.ts';
import { type MemoryTask, type MemoryTasks, TaskEnded } from './memory-task.ts';
import { type MemoryPlace, type MemoryTree, newFile } from './memory-tree.ts';
import { BUILT_IN, PROGRAMS } from './script-programs.ts';
import {
  type Chain,
  type Command,
  type CommandList,
  parseScript,
  type Redirection,
  ScriptSyntaxError,
  type Word,
} from './script-syntax.ts';

export interface ScriptStreams {
  readonly stdin: MemoryInput;
  readonly stdout: (bytes: Bytes) => void;
  readonly stderr: (bytes: Bytes) => void;
}

/** What a box gives to everything that runs in it. */
export interface ScriptWorld {
  readonly tree: MemoryTree;
  readonly tasks: MemoryTasks;
}

/** One shell: its variables, its folder, its children. */
export class Script {
  readonly world: ScriptWorld;
  readonly task: MemoryTask;
  readonly variables: Map<string, string>;
  readonly exported: Set<string>;
  cwd: readonly string[];
  args: readonly string[];
  status = 0;
  lastBackground: MemoryTask | null = null;
  readonly children: MemoryTask[] = [];
  /** This shell stands for a single command, so its redirections are the task's own. */
  #single = false;

  constructor(
    world: ScriptWorld,
    task: MemoryTask,
    cwd: readonly string[],
    env: Iterable<readonly [string, string]>,
    args: readonly string[],
  ) {
    this.world = world;
    this.task = task;
    this.cwd = cwd;
    this.variables = new Map(env);
    this.exported = new Set(this.variables.keys());
    this.args = args;
  }

  environment(): readonly (readonly [string, string])[] {
    return [...this.exported].map((name) => [name, this.variables.get(name) ?? ''] as const);
  }

  /** Parses and runs; a syntax error is status 2, as in every shell. */
  async runText(text: string, streams: ScriptStreams): Promise<number> {
    let list: CommandList;
    try {
      list = parseScript(text);
    } catch (error) {
      if (!(error instanceof ScriptSyntaxError)) throw error;
      streams.stderr(encode(`sh: syntax error: ${error.message}\n`));
      return 2;
    }
    return this.#list(list, streams);
  }

  place(path: string, follow = true): MemoryPlace {
    return this.world.tree.resolve(path, { from: this.cwd, follow });
  }

  /** Starts something of this shell's tree beside it. */
  startChild(
    command: string,
    run: (script: Script) => Promise<number>,
    args = this.args,
    parent = this.task,
  ): MemoryTask {
    const task = this.world.tasks.start(command, parent, (own) => {
      const child = new Script(this.world, own, this.cwd, this.environment(), args);
      for (const [name, value] of this.variables) child.variables.set(name, value);
      return run(child);
    });
    this.children.push(task);
    return task;
  }

  /** Waits for a child; a signal that ends this shell ends the wait only. */
  async waitFor(child: MemoryTask): Promise<number> {
    const { exitCode } = await this.task.wait(() => child.ended);
    return exitCode;
  }

  async #list(list: CommandList, streams: ScriptStreams): Promise<number> {
    for (const chain of list) {
      if (chain.background) {
        this.lastBackground = this.startChild('sh', (child) => {
          child.#single = chain.commands.length === 1;
          return child.#chain(chain, streams);
        });
        this.status = 0;
      } else await this.#chain(chain, streams);
    }
    return this.status;
  }

  async #chain(chain: Chain, streams: ScriptStreams): Promise<number> {
    for (const command of chain.commands) {
      if (command.join === 'and' && this.status !== 0) continue;
      if (command.join === 'or' && this.status === 0) continue;
      const status = await this.#guarded(command, streams);
      this.status = command.negated ? Number(status === 0) : status;
    }
    return this.status;
  }

  /** Runs traps whose signals came, instead of ending. */
  async #guarded(command: Command, streams: ScriptStreams): Promise<number> {
    let status: number;
    try {
      this.task.check();
      status = await this.#command(command, streams);
    } catch (error) {
      if (!(error instanceof TaskEnded) || error.signal === null || !this.task.trapped) throw error;
      status = error.exitCode;
    }
    for (const trap of this.task.takeTraps()) await this.runText(trap, streams);
    return status;
  }

  async #command({ body, redirections }: Command, streams: ScriptStreams): Promise<number> {
    let redirected: ScriptStreams;
    try {
      redirected = redirections.reduce((to, each) => this.#redirect(to, each), streams);
    } catch (error) {
      streams.stderr(encode(`sh: ${messageOf(error)}\n`));
      return 2;
    }
    if (this.#single) this.task.sinks = new Set([redirected.stdout, redirected.stderr]);
    this.#single = false;
    switch (body.kind) {
      case 'group':
        return this.#list(body.list, redirected);
      case 'subshell':
        return this.waitFor(this.startChild('sh', (child) => child.#list(body.list, redirected)));
      case 'if':
        return (await this.#list(body.condition, redirected)) === 0
          ? this.#list(body.then, redirected)
          : this.#branch(body.otherwise, redirected);
      case 'for':
        this.status = 0;
        for (const value of body.words.flatMap((word) => this.#expand(word))) {
          this.variables.set(body.name, value);
          await this.#turn();
          await this.#list(body.list, redirected);
        }
        return this.status;
      case 'loop': {
        let status = 0;
        while (((await this.#list(body.condition, redirected)) === 0) !== body.until) {
          await this.#turn();
          status = await this.#list(body.list, redirected);
        }
        return status;
      }
      case 'simple':
        return this.#simple(body.words, redirected);
    }
  }

  async #branch(list: CommandList, streams: ScriptStreams): Promise<number> {
    this.status = 0;
    return this.#list(list, streams);
  }

  /** Lets everything else run, so that an endless loop can be ended. */
  async #turn(): Promise<void> {
    await turn();
    this.task.check();
  }

  async #simple(words: readonly Word[], streams: ScriptStreams): Promise<number> {
    const assignments: (readonly [string, string])[] = [];
    let first = 0;
    for (; first < words.length; first++) {
      const [head] = words[first]!;
      const match = head?.kind === 'text' && !head.quoted ? /^([A-Za-z_]\w*)=/.exec(head.text) : null;
      if (match === null) break;
      assignments.push([match[1]!, this.#expandPlain(words[first]!).slice(match[0].length)]);
    }
    const argv = words.slice(first).flatMap((word) => this.#expand(word));
    if (argv.length === 0) {
      for (const [name, value] of assignments) this.variables.set(name, value);
      return 0;
    }
    return this.runProgram(argv, streams, assignments);
  }

  /** Runs a program by its name with these variables added for it alone. */
  async runProgram(
    argv: readonly string[],
    streams: ScriptStreams,
    assignments: readonly (readonly [string, string])[] = [],
  ): Promise<number> {
    const [name = '', ...args] = argv;
    const builtIn = BUILT_IN.get(name);
    const program = PROGRAMS.get(programName(name));
    const before = assignments.map(
      ([variable]) => [variable, this.variables.get(variable), this.exported.has(variable)] as const,
    );
    for (const [variable, value] of assignments) {
      this.variables.set(variable, value);
      this.exported.add(variable);
    }
    try {
      if (builtIn !== undefined) return await builtIn(this, args, streams);
      if (program !== undefined) return await program(this, args, streams);
      streams.stderr(encode(`sh: ${name}: not found\n`));
      return 127;
    } catch (error) {
      if (!SandboxError.isInstance(error)) throw error;
      streams.stderr(encode(`${name}: ${messageOf(error)}\n`));
      return 1;
    } finally {
      for (const [variable, value, wasExported] of before) {
        if (value === undefined) this.variables.delete(variable);
        else this.variables.set(variable, value);
        if (!wasExported) this.exported.delete(variable);
      }
    }
  }

  #redirect(streams: ScriptStreams, { descriptor, operator, target }: Redirection): ScriptStreams {
    const name = this.#expandPlain(target);
    if (operator === '<') {
      const { node } = this.place(name);
      if (name === '/dev/null') return { ...streams, stdin: MemoryInput.of(new Uint8Array()) };
      if (node?.kind !== 'file') throw new SandboxError('not-found', `cannot open ${name}`);
      return { ...streams, stdin: MemoryInput.of(node.bytes) };
    }
    const sink = this.#sink(streams, operator, name);
    return descriptor === 2 ? { ...streams, stderr: sink } : { ...streams, stdout: sink };
  }

  #sink(streams: ScriptStreams, operator: Redirection['operator'], name: string): ScriptStreams['stdout'] {
    if (operator === '>&' ? name === '1' : name === '/dev/stdout') return streams.stdout;
    if (operator === '>&' ? name === '2' : name === '/dev/stderr') return streams.stderr;
    if (name === '/dev/null') return () => {};
    const place = this.place(name);
    if (place.node?.kind === 'dir') throw new SandboxError('invalid', `${name} is a folder`);
    let file = place.node?.kind === 'file' ? place.node : null;
    if (file === null || operator === '>') {
      file = newFile(new Uint8Array(), file?.mode);
      this.world.tree.put(place, file);
    }
    const open = file;
    return (bytes) => this.world.tree.append(place, open, bytes);
  }

  #variable(name: string): string {
    if (name === '?') return String(this.status);
    if (name === '$') return String(this.task.pid);
    if (name === '!') return String(this.lastBackground?.pid ?? '');
    if (name === '#') return String(Math.max(0, this.args.length - 1));
    if (name === '@' || name === '*') return this.args.slice(1).join(' ');
    return /^\d$/.test(name) ? (this.args[Number(name)] ?? '') : (this.variables.get(name) ?? '');
  }

  #expandPlain(word: Word): string {
    return word.map((part) => (part.kind === 'text' ? part.text : this.#variable(part.name))).join('');
  }

  #expand(word: Word): readonly string[] {
    const filled = word.filter((part) => part.kind === 'variable' || part.text !== '');
    const [only] = filled;
    if (filled.length === 1 && only?.kind === 'variable' && only.name === '@' && only.quoted) {
      return this.args.slice(1);
    }
    let fields: string[] = [];
    let open: string | null = null;
    for (const part of word) {
      const text = part.kind === 'text' ? part.text : this.#variable(part.name);
      if (part.kind === 'text' || part.quoted) {
        open = (open ?? '') + text;
        continue;
      }
      const [head = '', ...rest] = text.split(/[ \t\n]+/);
      if (head !== '') open = (open ?? '') + head;
      for (const each of rest) {
        if (open !== null) fields = [...fields, open];
        open = each === '' ? null : each;
      }
    }
    if (open !== null) fields = [...fields, open];
    return fields;
  }
}

const SHELL_FOLDERS = ['/bin/', '/usr/bin/'];

/** `/bin/sh` and `sh` are the same program. */
export function programName(name: string): string {
  const folder = SHELL_FOLDERS.find((each) => name.startsWith(each));
  return folder === undefined ? name : name.slice(folder.length);
}

const encode = (text: string): Bytes => new Uint8Array(Buffer.from(text, 'utf8'));
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
