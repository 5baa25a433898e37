// git, run on the machine as a command of the box.

import {
  ErrorCode,
  GitFileStatusSchema,
  GitOp,
  type GitRequest,
  type GitResponse,
  GitResponseSchema,
  type GitStatus,
  GitStatusSchema,
} from '@boxyard/agent-proto/messages';
import type { Box, CallOptions } from '@boxyard/sandbox-core';
import { create } from '@bufbuild/protobuf';
import { WireRefusal } from '../machine-failure.ts';
import type { AllowedPaths } from './allowed-paths.ts';

const SUBCOMMANDS: ReadonlyMap<GitOp, readonly string[]> = new Map([
  [GitOp.STATUS, ['status', '--porcelain=v2', '--branch', '-z']],
  [GitOp.DIFF, ['diff']],
  [GitOp.LOG, ['log']],
  [GitOp.ADD, ['add']],
  [GitOp.COMMIT, ['commit']],
  [GitOp.BRANCH, ['branch']],
  [GitOp.CHECKOUT, ['checkout']],
  [GitOp.PULL, ['pull']],
  [GitOp.PUSH, ['push']],
  [GitOp.RAW, []],
]);

export async function runGit(
  box: Box,
  paths: AllowedPaths,
  { op, cwd, args }: GitRequest,
  call: CallOptions,
): Promise<GitResponse> {
  const subcommand = SUBCOMMANDS.get(op);
  if (subcommand === undefined)
    throw new WireRefusal(ErrorCode.UNSUPPORTED, `There is no git operation ${op}.`);
  const { exitCode, stdout, stderr } = await box.exec(
    { program: { argv: ['git', ...subcommand, ...args] }, cwd: paths.cwd(cwd) },
    call,
  );
  const status = op === GitOp.STATUS && exitCode === 0 ? gitStatusOf(stdout) : undefined;
  return create(GitResponseSchema, { exitCode, stdout, stderr, ...(status === undefined ? {} : { status }) });
}

/** Reads what `git status --porcelain=v2 --branch -z` prints. */
export function gitStatusOf(printed: Uint8Array): GitStatus {
  const status = create(GitStatusSchema);
  const lines = new TextDecoder().decode(printed).split('\0');
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    const words = line.split(' ');
    const rest = (count: number) => words.slice(count).join(' ');
    const add = (code: string, path: string, staged = !code.startsWith('.')) =>
      status.files.push(create(GitFileStatusSchema, { path, code, staged }));
    if (line.startsWith('# branch.head ')) status.branch = rest(2);
    else if (line.startsWith('# branch.upstream ')) status.upstream = rest(2);
    else if (line.startsWith('# branch.ab ')) {
      status.ahead = Number(words[2]);
      status.behind = -Number(words[3]);
    } else if (line.startsWith('1 ')) add(words[1] ?? '', rest(8));
    else if (line.startsWith('2 ')) {
      add(words[1] ?? '', rest(9));
      // The name before the renaming is a line of its own.
      at++;
    } else if (line.startsWith('u ')) add(words[1] ?? '', rest(10));
    else if (line.startsWith('? ')) add('??', rest(1), false);
  }
  status.clean = status.files.length === 0;
  return status;
}
