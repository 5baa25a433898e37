import { SandboxError, type SandboxErrorCode, type Started } from '../sandbox-error.ts';

interface Meaning {
  readonly code: SandboxErrorCode;
  readonly advice: string;
  readonly retryable?: true;
}

/** What the operating system's answers mean to a caller: the one table. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  ENOENT: { code: 'not-found', advice: 'There is nothing of that name; list the folder.' },
  ENOTDIR: { code: 'invalid', advice: 'A part of the path is no folder.' },
  EISDIR: { code: 'invalid', advice: 'It is a folder; name a file.' },
  ENOTEMPTY: { code: 'invalid', advice: 'The folder is not empty; say recursive, or empty it first.' },
  EEXIST: { code: 'conflict', advice: 'The name is taken; choose another or allow overwriting.' },
  EINVAL: { code: 'invalid', advice: 'The system refuses these arguments; check the path.' },
  ENAMETOOLONG: { code: 'invalid', advice: 'The name is too long; choose a shorter one.' },
  ELOOP: { code: 'denied', advice: 'A link stands where none is followed; name what it leads to.' },
  EACCES: {
    code: 'denied',
    advice: 'The permissions of the file or its folder forbid it; change them first.',
  },
  EPERM: { code: 'denied', advice: 'The system forbids it; check the owner and attributes of the file.' },
  EROFS: { code: 'denied', advice: 'The file system is read-only.' },
  ENOSPC: { code: 'quota', advice: 'The disk is full; make room and try again.' },
  EDQUOT: { code: 'quota', advice: 'The disk quota is used up; make room and try again.' },
  EMLINK: { code: 'quota', advice: 'The folder holds too many links; use another one.' },
  EFBIG: { code: 'too-large', advice: 'The file would be larger than the system allows.' },
  EXDEV: {
    code: 'unsupported',
    advice: 'The two places are on different file systems; copy and remove instead.',
  },
  EBUSY: { code: 'conflict', advice: 'It is in use; try again later.', retryable: true },
  ETXTBSY: { code: 'conflict', advice: 'It is a program that runs; end it first.', retryable: true },
  EMFILE: { code: 'unreachable', advice: 'Too many files are open; try again later.', retryable: true },
  ENFILE: { code: 'unreachable', advice: 'Too many files are open; try again later.', retryable: true },
};

/** The system's name of an error, such as `ENOENT`; the empty string when it has none. */
export function fsErrorName(error: unknown): string {
  const name = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof name === 'string' ? name : '';
}

/**
 * What a failed system call means to the caller. A SandboxError passes as it is: it was judged already.
 * Unknown ones are `unreachable`: nothing is known then.
 *
 * @param what Begins the message, for instance `Reading "a.txt"`.
 * @param started For a call that does one thing or nothing: that a known refusal left nothing behind.
 */
export function sandboxErrorFromFs(error: unknown, what: string, started?: Started): SandboxError {
  if (SandboxError.isInstance(error)) return error;
  const name = fsErrorName(error);
  const meaning = MEANINGS[name];
  if (meaning === undefined) {
    return new SandboxError(
      'unreachable',
      `${what} failed${name === '' ? '' : ` (${name})`}. Look at the disk of the box and try again.`,
      { cause: error },
    );
  }
  return new SandboxError(meaning.code, `${what} failed (${name}). ${meaning.advice}`, {
    cause: error,
    ...(meaning.retryable ? { retryable: true } : {}),
    ...(started === undefined ? {} : { started }),
  });
}
