// What a caller asks for, judged before anything is sent.

import type { ExecRequest, SpawnRequest } from '../box-process.ts';
import type { Bytes } from '../call-options.ts';
import { checkRelativePath } from '../jail/relative-path.ts';
import { SandboxError } from '../sandbox-error.ts';

/** One argument of a process is limited to 128 KiB by Linux. */
const LONGEST_ARGUMENT_BYTES = 128 * 1024 - 1;
/** The shell reads a frame byte by byte, so a longer script is quicker as a file. */
const LONGEST_INLINE_SCRIPT_BYTES = 6 * 1024;

export interface CheckedCommand {
  /** With a script that goes as a file, the place of its path is `null`. */
  readonly argv: readonly (string | null)[];
  readonly scriptFile: Bytes | null;
  readonly cwd: string;
  readonly env: readonly string[];
  readonly merged: boolean;
  readonly runLimitMs: number | null;
}

export function checkCommand(request: SpawnRequest | ExecRequest): CheckedCommand {
  const { argv, scriptFile } = checkProgram(request.program);
  return {
    argv,
    scriptFile,
    cwd: checkRelativePath(request.cwd ?? ''),
    env: checkEnvironment(request.env ?? {}),
    merged: request.output === 'merged',
    runLimitMs: checkRunLimit(request.runLimitMs),
  };
}

/** @throws SandboxError `invalid` for what could be a path, an option or another op's files. */
export function checkProcessId(id: string): string {
  if (typeof id === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(id)) return id;
  throw invalid('a process id is 1 to 64 characters of A-Z, a-z, 0-9, _ and -');
}

/** `NAME=value` words. Names of `[A-Za-z_][A-Za-z0-9_]*`; `BOXYARD_*` is ours. */
export function checkEnvironment(env: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(env).map(([name, value]) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      throw invalid(`the environment name ${JSON.stringify(name)} is not of [A-Za-z_][A-Za-z0-9_]*`);
    }
    if (name.startsWith('BOXYARD_')) throw invalid(`the environment name ${name} is reserved`);
    return checkWord(`${name}=${value}`, `the environment variable ${name}`);
  });
}

function checkProgram(program: SpawnRequest['program']): Pick<CheckedCommand, 'argv' | 'scriptFile'> {
  if ('argv' in program) {
    if (program.argv.length === 0 || program.argv[0] === '') throw invalid('argv names no program');
    return { argv: program.argv.map((word) => checkWord(word, 'an argument')), scriptFile: null };
  }
  const shell = [program.shell ?? '/bin/sh', ...(program.login === true ? ['-l'] : [])];
  for (const word of shell) checkWord(word, 'the shell');
  if (shell[0] === '') throw invalid('the shell has no name');
  const script = new TextEncoder().encode(program.script);
  checkText(program.script, 'the script');
  if (script.length <= LONGEST_INLINE_SCRIPT_BYTES) {
    return { argv: [...shell, '-c', program.script], scriptFile: null };
  }
  return { argv: [...shell, null], scriptFile: script };
}

function checkRunLimit(runLimitMs: number | undefined): number | null {
  if (runLimitMs === undefined) return null;
  if (Number.isFinite(runLimitMs) && runLimitMs > 0) return runLimitMs;
  throw invalid('runLimitMs is not a positive number of milliseconds');
}

function checkWord(word: string, what: string): string {
  checkText(word, what);
  if (Buffer.byteLength(word) <= LONGEST_ARGUMENT_BYTES) return word;
  throw new SandboxError(
    'too-large',
    `Starting a command was refused: ${what} is longer than 128 KiB. Pass it through stdin or a file.`,
    { started: 'no' },
  );
}

function checkText(text: string, what: string): void {
  if (typeof text !== 'string') throw invalid(`${what} is no text`);
  if (text.includes('\0')) throw invalid(`${what} holds NUL`);
  if (/\p{Surrogate}/u.test(text)) throw invalid(`${what} is not well-formed Unicode`);
}

function invalid(why: string): SandboxError {
  return new SandboxError('invalid', `Starting a command was refused: ${why}. Correct the request.`, {
    started: 'no',
  });
}
