import { ErrorCode, type ExecRequest } from '@boxyard/agent-proto/messages';
import type { Bytes, SpawnRequest } from '@boxyard/sandbox-core';
import { WireRefusal } from '../machine-failure.ts';
import type { AllowedPaths } from './allowed-paths.ts';

/** A command of the wire as the box takes it, without what it reads from stdin. */
export function commandOf(request: ExecRequest, paths: AllowedPaths): Omit<SpawnRequest, 'stdin' | 'id'> {
  return {
    program: programOf(request),
    cwd: paths.cwd(request.cwd),
    env: { ...request.env },
    output: request.merged ? 'merged' : 'separate',
    runLimitMs: request.timeoutMs === 0 ? undefined : request.timeoutMs,
  };
}

export const bytesOf = (bytes: Uint8Array): Bytes => new Uint8Array(bytes);

function programOf(request: ExecRequest): SpawnRequest['program'] {
  const { command, script, scriptShell, scriptLogin } = request;
  if (script !== undefined) {
    return { script, login: scriptLogin, ...(scriptShell === '' ? {} : { shell: scriptShell }) };
  }
  if (request.shell) return { script: command.join(' '), shell: process.env.SHELL ?? '/bin/sh' };
  const [program, ...args] = command;
  if (program === undefined) throw new WireRefusal(ErrorCode.PROTOCOL, 'The request names no command.');
  return { argv: [program, ...args] };
}
