import { SandboxError, type SandboxErrorCode } from '../sandbox-error.ts';
import { fenced, movedOn } from './epoch-fence.ts';
import type { ShellReply } from './shell-frames.ts';

const FAILURES: ReadonlyMap<number, readonly [SandboxErrorCode, string]> = new Map([
  [2, ['not-found', 'its cwd does not exist. Make the folder first.']],
  [3, ['denied', 'its cwd leads out of the workspace. Choose a folder inside.']],
  [4, ['not-found', 'its program does not exist or is not executable. Check its name and PATH.']],
  [6, ['quota', 'the spool of the box takes no more. Free some space.']],
  [7, ['invalid', 'its cwd is no folder. Choose a folder.']],
  [8, ['denied', 'its cwd may not be entered. Choose another folder.']],
  [10, ['gone', 'the workspace of the box is not there any more. Open another box.']],
]);

/** The error for an answer to `run` that says that nothing was started. */
export function startFailure(reply: ShellReply, epoch: number): SandboxError {
  if (reply.kind === 'status' && reply.status === 9) return fenced('Starting a command', epoch);
  if (reply.kind === 'status' && reply.status === 11) return movedOn('Starting a command');
  const failure = reply.kind === 'status' ? FAILURES.get(reply.status) : undefined;
  if (failure === undefined) {
    return new SandboxError(
      'unreachable',
      'Starting a command failed: the box answered nonsense; open it again.',
    );
  }
  const [code, why] = failure;
  return new SandboxError(code, `Starting a command failed: ${why}`, { started: 'no', stage: 'start' });
}
