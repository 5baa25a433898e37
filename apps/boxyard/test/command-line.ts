/** The command line as processes of their own: with pipes, as a script has it, and in a real terminal. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { spawn as spawnInTerminal } from '@lydell/node-pty';
import { eventually } from '@tooling/eventually';
import { onTestFinished } from 'vitest';
import { cliArguments } from './test-server.ts';

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Environment = Readonly<Record<string, string>>;

/** Runs it to its end. */
export function runCommandLine(words: readonly string[], env: Environment, stdin = ''): Promise<Outcome> {
  const { child, outcome } = startCommandLine(words, env);
  child.stdin.end(stdin);
  return outcome;
}

export interface StartedCommandLine {
  readonly child: ChildProcessWithoutNullStreams;
  readonly outcome: Promise<Outcome>;
  /** Its standard output so far. */
  readonly printed: () => string;
}

export function startCommandLine(words: readonly string[], env: Environment): StartedCommandLine {
  const child = spawn(process.execPath, cliArguments(...words), { env: { ...process.env, ...env } });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const outcome = new Promise<Outcome>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
  return { child, outcome, printed: () => stdout };
}

/** A person at a terminal. */
export interface Terminal {
  readonly type: (keys: string) => void;
  /** Everything that was shown so far, without colours and movements. */
  readonly text: () => string;
  /** The same as the terminal got it. */
  readonly raw: () => string;
  /** Waits until it is there, behind what was waited for before; answers what was shown up to it. */
  readonly sees: (text: string) => Promise<string>;
  readonly exitCode: Promise<number>;
}

export const CTRL_C = '\u0003';
export const CTRL_D = '\u0004';

export function openTerminal(words: readonly string[], env: Environment): Terminal {
  const pty = spawnInTerminal(process.execPath, cliArguments(...words), {
    cols: 100,
    rows: 40,
    env: { ...process.env, TERM: 'xterm-256color', ...env },
  });
  let raw = '';
  let seen = 0;
  let isOver = false;
  pty.onData((chunk) => {
    raw += chunk;
  });
  const exitCode = new Promise<number>((resolve) => {
    pty.onExit((exit) => {
      isOver = true;
      // As a shell tells it.
      resolve(exit.signal ? 128 + exit.signal : exit.exitCode);
    });
  });
  onTestFinished(() => {
    if (!isOver) pty.kill('SIGKILL');
  });
  // Without a movement of which only the beginning has come: it would be text now and nothing later.
  const text = () => stripVTControlCharacters(raw.replace(/\u001b(?:[[\]][^\u0007A-Za-z]*)?$/, ''));
  return {
    type: (keys) => pty.write(keys),
    text,
    raw: () => raw,
    exitCode,
    async sees(wanted) {
      const from = seen;
      await eventually(`${wanted} in:\n${text().slice(from)}`, async () => text().indexOf(wanted, from) >= 0);
      seen = text().indexOf(wanted, from) + wanted.length;
      return text().slice(from, seen);
    },
  };
}
