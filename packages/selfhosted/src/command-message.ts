// A command as the wire takes it, judged before anything is sent: on the other side it would be too late to say that
// nothing was started.
import type { ExecRequestSchema } from '@boxyard/agent-proto/messages';
import {
  checkEnvironment,
  checkRelativePath,
  type ProcessId,
  SandboxError,
  type SpawnRequest,
} from '@boxyard/sandbox-core';
import type { MessageInitShape } from '@bufbuild/protobuf';

export type CommandMessage = MessageInitShape<typeof ExecRequestSchema>;

/** The longest limit that the wire can say: some 49 days. */
const LONGEST_LIMIT_MS = 2 ** 32 - 1;
const NOT_TEXT = /\0|\p{Surrogate}/u;

/** @param script Whether the agent knows scripts; one that does not gets the words of their shell. */
export function commandMessage(request: Omit<SpawnRequest, 'stdin' | 'id'>, script: boolean): CommandMessage {
  const { program, runLimitMs, output, env = {} } = request;
  checkEnvironment(env);
  if (runLimitMs !== undefined && !(Number.isFinite(runLimitMs) && runLimitMs > 0)) {
    throw invalid('runLimitMs is not a positive number of milliseconds');
  }
  return {
    ...programMessage(program, script),
    cwd: checkRelativePath(request.cwd ?? ''),
    env: { ...env },
    merged: output === 'merged',
    timeoutMs: runLimitMs === undefined ? 0 : Math.min(LONGEST_LIMIT_MS, Math.ceil(runLimitMs)),
  };
}

/** @throws SandboxError `invalid` */
export function checkProcessId(id: ProcessId): ProcessId {
  if (typeof id === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(id)) return id;
  throw invalid('a process id is 1 to 64 characters of A-Z, a-z, 0-9, _ and -');
}

function programMessage(program: SpawnRequest['program'], script: boolean): CommandMessage {
  if ('argv' in program) {
    if (program.argv.length === 0 || program.argv[0] === '') throw invalid('argv names no program');
    return { command: program.argv.map(checkText) };
  }
  const { shell, login = false } = program;
  const text = checkText(program.script);
  if (shell === '') throw invalid('the shell has no name');
  if (script) return { script: text, scriptShell: checkText(shell ?? ''), scriptLogin: login };
  return { command: [checkText(shell ?? '/bin/sh'), ...(login ? ['-l'] : []), '-c', text] };
}

function checkText(text: string): string {
  if (typeof text !== 'string') throw invalid('an argument is no text');
  if (NOT_TEXT.test(text)) throw invalid('an argument holds NUL or is not well-formed Unicode');
  return text;
}

export const invalid = (why: string) =>
  new SandboxError('invalid', `Starting a command was refused: ${why}. Correct the request.`, {
    started: 'no',
  });
