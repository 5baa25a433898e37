import { posix } from 'node:path';
import type { Box, Bytes, CallOptions, ExecResult } from '@boxyard/sandbox-core';
import { SandboxError } from '@boxyard/sandbox-core';
import { GIT_EXIT, gitEnvironment } from './git-script.ts';

export interface GitRunRequest {
  /** Begins an error's message, for instance `git diff`. */
  readonly what: string;
  readonly script: string;
  /** Folder of the workspace where git looks for the repository. */
  readonly path: string;
  readonly parameters: readonly string[];
  readonly maxOutputBytes: number;
}

export interface GitOutput {
  readonly bytes: Buffer;
  /** True when output beyond `maxOutputBytes` was dropped. */
  readonly cut: boolean;
}

/** What a git command may take; a status of a huge tree on a slow disk is still an answer. */
const RUN_LIMIT_MS = 120_000;

/**
 * Runs one git script in the box. Answers null where the folder is in no repository.
 *
 * @throws SandboxError `not-found` for an unknown revision or file, `denied` for a repository that leads out of
 * the workspace, `unsupported` without a usable git, `timeout` past the run limit, `invalid` with git's own
 * words otherwise.
 */
export async function runGit(
  box: Box,
  request: GitRunRequest,
  options: CallOptions = {},
): Promise<GitOutput | null> {
  const root = box.workspaceRoot;
  const result = await box.exec(
    {
      program: { argv: ['/bin/sh', '-c', request.script, 'boxyard-git', root, ...request.parameters] },
      cwd: request.path,
      env: gitEnvironment(posix.dirname(root)),
      output: 'separate',
      maxOutputBytes: request.maxOutputBytes,
      runLimitMs: RUN_LIMIT_MS,
    },
    { deadlineMs: RUN_LIMIT_MS + 15_000, ...options },
  );
  if (result.exitCode === 0 && result.endedBy === 'itself') {
    return { bytes: asBuffer(result.stdout), cut: result.truncated };
  }
  const said = asBuffer(result.stderr).toString('utf8');
  if (result.exitCode === GIT_EXIT.notARepository && isNoRepository(said)) return null;
  throw failure(request.what, result, said);
}

// What git says where it finds nothing, and where it finds a bare repository that nobody named.
const isNoRepository = (said: string) =>
  said.includes('not a git repository') || said.includes('cannot use bare repository');

function failure(what: string, result: ExecResult, said: string): SandboxError {
  const reason = (said.trim().split('\n').at(-1) ?? '').replace(/^(?:fatal|error): /, '').slice(0, 500);
  if (result.endedBy === 'run-limit') {
    return new SandboxError(
      'timeout',
      `${what} did not end within ${RUN_LIMIT_MS / 1000} s. Narrow it with a path or a pathspec.`,
    );
  }
  if (result.endedBy === 'unknown') {
    return new SandboxError(
      'outcome-unknown',
      `${what}: how git ended is not known. It only reads: try again.`,
      {
        retryable: true,
      },
    );
  }
  switch (result.exitCode) {
    case GIT_EXIT.unknownRevision:
      return new SandboxError(
        'not-found',
        `${what}: ${reason}. Name a branch, tag or commit of this repository.`,
      );
    case GIT_EXIT.unknownFile:
      return new SandboxError('not-found', `${what}: ${reason}. Name a file of that revision.`);
    case GIT_EXIT.leavesWorkspace:
      return new SandboxError(
        'denied',
        `${what}: ${reason}. Use a repository that is whole inside the workspace.`,
      );
    case GIT_EXIT.unsupportedGit:
      return new SandboxError('unsupported', `${what}: ${reason}. Install git 2.31 or newer in the box.`);
    default:
      return new SandboxError(
        'invalid',
        `${what}: git ended with ${result.exitCode}${reason === '' ? '' : ` (${reason})`}. Look at the repository with a terminal.`,
      );
  }
}

function asBuffer(bytes: Bytes): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
