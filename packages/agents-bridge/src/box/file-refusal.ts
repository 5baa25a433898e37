import { SandboxError, type SandboxErrorCode } from '@boxyard/sandbox-core';
import { FILE_EXITS } from './files-script.ts';

const WHY: ReadonlyMap<number, readonly [SandboxErrorCode, string]> = new Map([
  [FILE_EXITS.missing, ['not-found', 'it does not exist. List its folder.']],
  [FILE_EXITS.outside, ['denied', 'it leads out of the workspace. Use a path inside.']],
  [FILE_EXITS.forbidden, ['denied', 'the box does not permit it. Look at the modes of the path.']],
  [FILE_EXITS.noFolder, ['invalid', 'a part of the path is no folder. Correct the path.']],
  [FILE_EXITS.badLink, ['invalid', 'a link in it leads nowhere or round. Correct the link.']],
  [FILE_EXITS.folder, ['invalid', 'it is a folder. Name a file.']],
  [FILE_EXITS.taken, ['conflict', 'the name exists already. Choose another.']],
  [FILE_EXITS.gone, ['gone', 'the workspace of the box is not there any more. Open another box.']],
  [FILE_EXITS.noSpace, ['quota', 'the box takes no more. Free some space.']],
  [FILE_EXITS.noFile, ['invalid', 'it is neither a file nor a folder. Choose another.']],
  [FILE_EXITS.notEmpty, ['invalid', 'the folder has content. Say recursive to remove it.']],
]);

/** The error for an exit code of the script; null for an answer that makes no sense. */
export function fileRefusal(exitCode: number | null, what: string): SandboxError {
  const [code, why] = (exitCode === null ? undefined : WHY.get(exitCode)) ?? [];
  if (code === undefined) {
    return new SandboxError(
      'unreachable',
      `${what} failed: the box answered with something else (${exitCode ?? 'no sense'}). Try again.`,
    );
  }
  return new SandboxError(code, `${what} failed: ${why}`, { started: 'no' });
}
