// What callers ask of files, judged before anything is sent.
import { type FileRange, SandboxError } from '@boxyard/sandbox-core';

export interface CheckedRange {
  readonly offset: number;
  /** Null for all that is there. */
  readonly length: number | null;
}

/** @throws SandboxError `invalid` for what is no non-negative whole number. */
export function checkRange({ offset = 0, length }: FileRange): CheckedRange {
  for (const [name, value] of Object.entries({ offset, length: length ?? 0 })) {
    if (Number.isSafeInteger(value) && value >= 0) continue;
    throw new SandboxError(
      'invalid',
      `The range is refused: ${name} is ${value}. Give whole bytes from 0 on.`,
      { started: 'no' },
    );
  }
  return { offset, length: length ?? null };
}

/** @throws SandboxError `invalid` for what is no permission bits. */
export function checkMode(mode: number | undefined): void {
  if (mode === undefined || (Number.isInteger(mode) && mode >= 0 && mode <= 0o7777)) return;
  throw new SandboxError('invalid', `The mode ${mode} is refused. Give permission bits from 0 to 0o7777.`, {
    started: 'no',
  });
}

/** @throws SandboxError `invalid` when the content is another one. */
export function checkDigest(expected: string | undefined, sha256: string, what: string): void {
  if (expected === undefined || expected.toLowerCase() === sha256) return;
  throw new SandboxError(
    'invalid',
    `${what} is refused: the content is not what its digest says. Send it again.`,
    { started: 'no' },
  );
}

export function tooLarge(length: number, mostBytes: number): SandboxError {
  return new SandboxError(
    'too-large',
    `Reading ${length} bytes at once is refused: ${mostBytes} are allowed. Read a range, or open a stream.`,
    { started: 'no' },
  );
}

export function isFolder(what: string): SandboxError {
  return new SandboxError('invalid', `${what} failed: it is a folder. Name a file.`, { started: 'no' });
}

export function isRoot(what: string): SandboxError {
  return new SandboxError(
    'invalid',
    `${what} failed: the root itself stays where it is. Name what it holds.`,
    {
      started: 'no',
    },
  );
}
