import { SandboxError } from './sandbox-error.ts';

/**
 * The argument vector as one line of POSIX shell text, each word in single quotes: the only place where text
 * becomes shell text. It does not stop a word from being read as an option; put `--` before what may begin
 * with a dash.
 *
 * @throws SandboxError `invalid` for NUL, which no argument can hold, and for text that is not Unicode.
 */
export function quote(argv: readonly string[]): string {
  return argv.map(quoteWord).join(' ');
}

function quoteWord(word: string): string {
  if (word.includes('\0')) {
    throw new SandboxError(
      'invalid',
      'Quoting failed: an argument holds NUL. Pass such bytes through stdin.',
      {
        started: 'no',
      },
    );
  }
  // Half of a surrogate pair has no UTF-8; it would silently arrive as U+FFFD.
  if (/\p{Surrogate}/u.test(word)) {
    throw new SandboxError(
      'invalid',
      'Quoting failed: an argument is not well-formed Unicode. Pass such bytes through stdin.',
      { started: 'no' },
    );
  }
  // Inside single quotes only the quote itself is special: close, an escaped one, open again.
  return `'${word.replaceAll("'", "'\\''")}'`;
}
