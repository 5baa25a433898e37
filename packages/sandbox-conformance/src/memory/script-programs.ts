// The programs of a MemoryBox: as few as commands in tests need, each as small as it can be.
import { setTimeout as pause } from 'node:timers/promises';
import { type Bytes, SandboxError } from '@boxyard/sandbox-core';
import { MemoryTask, SIGNAL_NUMBERS, type SignalName, TaskEnded } from './memory-task.ts';
import { type MemoryFile, newFile, newFolder } from './memory-tree.ts';
import type { Script, ScriptStreams } from './script-run.ts';

type RunProgram = (
  script: Script,
  args: readonly string[],
  streams: ScriptStreams,
) => number | Promise<number>;

const encode = (text: string): Bytes => new Uint8Array(Buffer.from(text, 'utf8'));
const NEWLINE = 10;

/** What changes the shell itself. */
export const BUILT_IN: ReadonlyMap<string, RunProgram> = new Map<string, RunProgram>([
  [':', () => 0],
  [
    'cd',
    (script, [path = script.variables.get('HOME') ?? '/']) => {
      const { node, path: folder } = script.place(path);
      if (node?.kind !== 'dir') throw new SandboxError('not-found', `${path}: no such folder`);
      script.cwd = folder;
      return 0;
    },
  ],
  [
    'exit',
    (script, [code]) => {
      throw new TaskEnded(code === undefined ? script.status : Number(code) & 0xff, null);
    },
  ],
  [
    'exec',
    async (script, args, streams) => {
      throw new TaskEnded(await script.runProgram(args, streams), null);
    },
  ],
  [
    'export',
    (script, args) => {
      for (const each of args) {
        const [name = '', value] = split(each, '=');
        if (value !== undefined) script.variables.set(name, value);
        script.exported.add(name);
      }
      return 0;
    },
  ],
  [
    'unset',
    (script, args) => {
      for (const name of args) {
        script.variables.delete(name);
        script.exported.delete(name);
      }
      return 0;
    },
  ],
  [
    'read',
    async (script, args, { stdin }) => {
      const parts: Bytes[] = [];
      let ended = false;
      for (;;) {
        const bytes = await script.task.wait(() => stdin.take());
        if (bytes === null) {
          ended = true;
          break;
        }
        const at = bytes.indexOf(NEWLINE);
        parts.push(at < 0 ? bytes : bytes.subarray(0, at));
        if (at < 0) continue;
        stdin.giveBack(bytes.slice(at + 1));
        break;
      }
      script.variables.set(
        args.find((each) => !each.startsWith('-')) ?? 'REPLY',
        Buffer.concat(parts).toString('utf8'),
      );
      return ended ? 1 : 0;
    },
  ],
  [
    'trap',
    (script, args) => {
      const [action = '', ...names] = args[0] === '--' ? args.slice(1) : args;
      for (const name of names) {
        const signal = signalName(name);
        if (signal === null || signal === 'KILL') continue;
        if (action === '-') script.task.traps.delete(signal);
        else script.task.traps.set(signal, action === '' ? null : action);
      }
      return 0;
    },
  ],
  [
    'wait',
    async (script, [pid]) => {
      let status = 0;
      for (const child of script.children.filter((each) => pid === undefined || each.pid === Number(pid))) {
        status = await script.waitFor(child);
      }
      return pid === undefined ? 0 : status;
    },
  ],
]);

/** What could be a program of its own. */
export const PROGRAMS: ReadonlyMap<string, RunProgram> = new Map<string, RunProgram>([
  ['true', () => 0],
  ['false', () => 1],
  [
    'echo',
    (_, args, { stdout }) => {
      const bare = args[0] === '-n';
      stdout(encode(`${args.slice(bare ? 1 : 0).join(' ')}${bare ? '' : '\n'}`));
      return 0;
    },
  ],
  [
    'printf',
    (_, [format = '', ...args], { stdout }) => {
      stdout(formatted(format, args));
      return 0;
    },
  ],
  [
    'pwd',
    (script, _, { stdout }) => {
      stdout(encode(`/${script.cwd.join('/')}\n`));
      return 0;
    },
  ],
  [
    'cat',
    async (script, args, { stdin, stdout }) => {
      for (const name of args.length === 0 ? ['-'] : args.filter((each) => each !== '--')) {
        if (name !== '-') stdout(fileAt(script, name).bytes);
        else
          for (let part = await script.task.wait(() => stdin.take()); part !== null; ) {
            stdout(part);
            part = await script.task.wait(() => stdin.take());
          }
      }
      return 0;
    },
  ],
  [
    'env',
    async (script, args, streams) => {
      const given = args.filter((each) => each.includes('='));
      const rest = args.filter((each) => !each.includes('=') && !each.startsWith('-'));
      const values = given.map((each) => split(each, '=') as [string, string]);
      if (rest.length > 0) return script.runProgram(rest, streams, values);
      const all = new Map([...script.environment(), ...values]);
      streams.stdout(encode([...all].map(([name, value]) => `${name}=${value}\n`).join('')));
      return 0;
    },
  ],
  [
    'sleep',
    async (script, [seconds = '0']) => {
      await script.task.wait((signal) => pause(Number(seconds) * 1000, undefined, { signal }));
      return 0;
    },
  ],
  ['test', (script, args) => Number(!holds(script, args))],
  ['[', (script, args) => Number(!holds(script, args.slice(0, -1)))],
  [
    'kill',
    (script, args, { stderr }) => {
      const [option] = args;
      const number = option?.startsWith('-') ? option.slice(1) : null;
      const signal = number === null ? 'TERM' : signalName(number);
      let status = 0;
      for (const pid of args.slice(number === null ? 0 : 1)) {
        const task = script.world.tasks.find(Number(pid));
        if (task === undefined) {
          stderr(encode(`kill: no such process: ${pid}\n`));
          status = 1;
        } else if (number !== '0' && signal !== null) task.signal(signal);
      }
      script.task.check();
      return status;
    },
  ],
  ['sh', (script, args, streams) => script.waitFor(shellChild(script, args, streams))],
  ['setsid', (script, args, streams) => ownChild(script, args, streams)],
  [
    'nohup',
    (script, args, streams) => {
      // A new task inherits what its parent ignores; the parent itself goes on as it was.
      const parent = new MemoryTask(script.task.pid, script.task.command, script.task);
      parent.traps.set('HUP', null);
      return ownChild(script, args, streams, parent);
    },
  ],
  [
    'grep',
    (script, args) => {
      const [pattern = '', ...names] = args.filter((each) => !each.startsWith('-'));
      const found = names.map((name) => {
        const { node } = script.place(name);
        return node?.kind === 'file' ? Buffer.from(node.bytes).toString('utf8').includes(pattern) : null;
      });
      return found.includes(null) ? 2 : Number(!found.includes(true));
    },
  ],
  [
    'ln',
    (script, args) => {
      const [target = '', name = ''] = args.filter((each) => each !== '-s' && each !== '--');
      const place = script.place(name, false);
      if (place.node !== undefined) throw new SandboxError('conflict', `${name} exists already`);
      script.world.tree.put(
        place,
        args.includes('-s') ? { kind: 'symlink', target, modifiedAt: new Date() } : fileAt(script, target),
      );
      return 0;
    },
  ],
  [
    'mkdir',
    (script, args) => {
      for (const name of args.filter((each) => !each.startsWith('-'))) {
        const parts = name.split('/');
        for (let count = args.includes('-p') ? 1 : parts.length; count <= parts.length; count++) {
          const place = script.place(parts.slice(0, count).join('/') || '/');
          if (place.node === undefined) script.world.tree.put(place, newFolder());
          else if (!args.includes('-p')) throw new SandboxError('conflict', `${name} exists already`);
        }
      }
      return 0;
    },
  ],
  [
    'rm',
    (script, args) => {
      for (const name of args.filter((each) => !each.startsWith('-'))) {
        const place = script.place(name, false);
        if (place.node === undefined && !args.some((each) => /^-\w*f/.test(each))) {
          throw new SandboxError('not-found', `${name} does not exist`);
        }
        script.world.tree.delete(place);
      }
      return 0;
    },
  ],
  [
    'mv',
    (script, args) => {
      const [from = '', to = ''] = args.filter((each) => !each.startsWith('-'));
      const source = script.place(from, false);
      if (source.node === undefined) throw new SandboxError('not-found', `${from} does not exist`);
      const target = script.place(to, false);
      script.world.tree.delete(source);
      script.world.tree.put(target, source.node);
      return 0;
    },
  ],
  [
    'chmod',
    (script, [mode = '', ...names]) => {
      for (const name of names) {
        const { node } = script.place(name);
        if (node === undefined || node.kind === 'symlink') throw new SandboxError('not-found', name);
        node.mode = Number.parseInt(mode, 8) & 0o7777;
      }
      return 0;
    },
  ],
  [
    'touch',
    (script, names) => {
      for (const name of names) {
        const place = script.place(name);
        if (place.node === undefined) script.world.tree.put(place, newFile(new Uint8Array()));
      }
      return 0;
    },
  ],
]);

function shellChild(script: Script, args: readonly string[], streams: ScriptStreams): MemoryTask {
  const at = args.findIndex((each) => /^-\w*c$/.test(each));
  const text = at < 0 ? decode(fileAt(script, args[0] ?? '').bytes) : (args[at + 1] ?? '');
  const positional = at < 0 ? args : [args[at + 2] ?? 'sh', ...args.slice(at + 3)];
  return script.startChild('sh', (child) => runAsShell(child, text, streams), positional);
}

/** As a shell of its own: only what is exported reaches it. */
async function runAsShell(child: Script, text: string, streams: ScriptStreams): Promise<number> {
  for (const name of child.variables.keys()) if (!child.exported.has(name)) child.variables.delete(name);
  return child.runText(text, streams);
}

function ownChild(
  script: Script,
  args: readonly string[],
  streams: ScriptStreams,
  parent: MemoryTask = script.task,
): Promise<number> {
  const argv = args.filter((each, index) => !(index === 0 && each.startsWith('-')));
  const run = (child: Script) => child.runProgram(argv, streams);
  return script.waitFor(script.startChild(argv[0] ?? 'sh', run, script.args, parent));
}

function fileAt(script: Script, name: string): MemoryFile {
  const { node } = script.place(name);
  if (node?.kind !== 'file') throw new SandboxError('not-found', `${name} is no file that can be read`);
  return node;
}

function holds(script: Script, args: readonly string[]): boolean {
  if (args[0] === '!') return !holds(script, args.slice(1));
  const [first = '', second = '', third = ''] = args;
  if (args.length === 3) {
    if (second === '=') return first === third;
    if (second === '!=') return first !== third;
    const [left, right] = [Number(first), Number(third)];
    const compare: Readonly<Record<string, boolean>> = {
      '-eq': left === right,
      '-ne': left !== right,
      '-lt': left < right,
      '-le': left <= right,
      '-gt': left > right,
      '-ge': left >= right,
    };
    return compare[second] ?? false;
  }
  if (first === '-n') return second !== '';
  if (first === '-z') return second === '';
  if (first === '-L' || first === '-h') return script.place(second, false).node?.kind === 'symlink';
  if (first === '-e') return nodeKind(script, second) !== undefined;
  if (first === '-f') return nodeKind(script, second) === 'file';
  if (first === '-d') return nodeKind(script, second) === 'dir';
  return args.length === 1 && first !== '';
}

function nodeKind(script: Script, name: string): string | undefined {
  try {
    return script.place(name).node?.kind;
  } catch {
    // As `test` sees it: what cannot be reached is not there.
    return undefined;
  }
}

function formatted(format: string, args: readonly string[]): Bytes {
  const parts: Bytes[] = [];
  const waiting = [...args];
  do {
    const before = waiting.length;
    for (const [piece] of format.matchAll(/%%|%[sbd]|\\[0-7]{1,3}|\\[^0-7]|[^%\\]+|[%\\]/gs)) {
      if (piece === '%%') parts.push(encode('%'));
      else if (piece === '%s') parts.push(encode(waiting.shift() ?? ''));
      else if (piece === '%d') parts.push(encode(String(Math.trunc(Number(waiting.shift() ?? 0)))));
      else if (piece === '%b') parts.push(formatted((waiting.shift() ?? '').replaceAll('%', '%%'), []));
      else parts.push(escaped(piece));
    }
    if (waiting.length === before) break;
  } while (waiting.length > 0);
  return new Uint8Array(Buffer.concat(parts));
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', a: '\x07', '\\': '\\' };

function escaped(piece: string): Bytes {
  if (!piece.startsWith('\\') || piece.length < 2) return encode(piece);
  if (/[0-7]/.test(piece[1]!)) return new Uint8Array([Number.parseInt(piece.slice(1), 8) & 0xff]);
  return encode(ESCAPES[piece[1]!] ?? piece);
}

function signalName(text: string): SignalName | null {
  const name = text.replace(/^SIG/, '') as SignalName;
  if (name in SIGNAL_NUMBERS) return name;
  const numbered = Object.entries(SIGNAL_NUMBERS).find(([, number]) => number === Number(text));
  return (numbered?.[0] as SignalName | undefined) ?? null;
}

const decode = (bytes: Bytes): string => Buffer.from(bytes).toString('utf8');

function split(text: string, separator: string): readonly [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
