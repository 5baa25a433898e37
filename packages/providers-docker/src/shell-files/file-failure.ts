import { fenced, movedOn, SandboxError, type SandboxErrorCode, type ShellReply } from '@boxyard/sandbox-core';

const FAILURES: ReadonlyMap<number, readonly [SandboxErrorCode, string]> = new Map([
  [2, ['not-found', 'it does not exist. List its folder.']],
  [3, ['denied', 'it leads out of the workspace. Use a path inside.']],
  [4, ['denied', 'the box does not permit it. Look at the modes of the path.']],
  [5, ['invalid', 'a part of the path is no folder. Correct the path.']],
  [6, ['quota', 'there is no space left in the box. Free some.']],
  [7, ['invalid', 'it is a folder. Name a file.']],
  [8, ['conflict', 'the name exists already. Choose another.']],
  [10, ['gone', 'the workspace of the box is not there any more. Open another box.']],
  [13, ['invalid', 'it is neither a file nor a folder. Choose another.']],
  [14, ['invalid', 'the folder has content. Say recursive to remove it.']],
  [15, ['conflict', 'it was changed meanwhile. Try again.']],
  [16, ['invalid', 'its links go round. Correct them.']],
  [22, ['denied', 'some of what is there cannot be moved away. Look at its modes.']],
]);
/** Asking again may be enough. */
const PASSING = 15;

/** The error for an answer that is not what was asked for. `what` begins its message. */
export function fileFailure(reply: ShellReply, what: string, epoch: number): SandboxError {
  if (reply.kind === 'status' && reply.status === 9) return fenced(what, epoch);
  if (reply.kind === 'status' && reply.status === 23) return movedOn(what);
  const failure = reply.kind === 'status' ? FAILURES.get(reply.status) : undefined;
  if (failure === undefined || reply.kind !== 'status') {
    return new SandboxError('unreachable', `${what} failed: the box answered nonsense; open it again.`);
  }
  const [code, why] = failure;
  return new SandboxError(code, `${what} failed: ${why}`, {
    started: 'no',
    retryable: reply.status === PASSING,
  });
}

/** The text of an answer that says that it was done. */
export function expectText(reply: ShellReply, what: string, epoch: number): string {
  if (reply.kind === 'status' && reply.status === 0) return reply.text;
  throw fileFailure(reply, what, epoch);
}
