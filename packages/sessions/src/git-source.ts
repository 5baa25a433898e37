/**
 * Clones a session's source into its empty workspace on first use. The token travels by stdin into a 0600 file
 * outside the workspace, read by git's own `store` helper: never into `.git/config`, a command line, the
 * environment or an archive.
 */
import { type Box, type CallOptions, SandboxError } from '@boxyard/sandbox-core';

export interface GitSource {
  readonly url: string;
  readonly ref: string | null;
  readonly token: string | null;
}

/** A clone of a large repository over a slow line; past it the session says so instead of waiting on. */
const CLONE_DEADLINE_MS = 600_000;

const text = new TextEncoder();
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

// mkdir without -p fails on a folder or a link that somebody else put there; one of our own is used again.
const WRITE_CREDENTIALS = `
umask 077
dir="\${TMPDIR:-/tmp}/boxyard-credentials-$1"
mkdir "$dir" 2>/dev/null || { [ -d "$dir" ] && [ ! -L "$dir" ] && [ -O "$dir" ]; } || exit 73
cat >"$dir/git" || exit 74
printf %s "$dir/git"
`;

const CLONE = `
set -e
export GIT_TERMINAL_PROMPT=0
git init --quiet .
git remote remove origin 2>/dev/null || true
git remote add -- origin "$1"
[ -z "$3" ] || git config credential.helper "store --file=$3"
if [ -n "$2" ]; then
  git fetch --quiet --tags origin "$2"
  git fetch --quiet origin || true
  if git show-ref --verify --quiet "refs/remotes/origin/$2"; then
    git checkout --quiet -B "$2" --track "origin/$2"
  elif git show-ref --verify --quiet "refs/tags/$2"; then
    git checkout --quiet --detach "refs/tags/$2"
  else
    git checkout --quiet --detach FETCH_HEAD
  fi
else
  git fetch --quiet --tags origin
  git remote set-head origin --auto >/dev/null 2>&1 || true
  branch=$(git symbolic-ref --quiet --short refs/remotes/origin/HEAD || true)
  branch=\${branch#origin/}
  if [ -n "$branch" ]; then git checkout --quiet -B "$branch" --track "origin/$branch"; fi
fi
`;

/** @throws SandboxError `invalid` when git refuses the source; its words are in the message, the token is not. */
export async function cloneGitSource(
  box: Box,
  groupId: string,
  source: GitSource,
  options: CallOptions = {},
): Promise<void> {
  const bounded = { deadlineMs: CLONE_DEADLINE_MS, ...options };
  const credentials = source.token === null ? '' : await writeCredentials(box, groupId, source, bounded);
  const cloned = await box.exec(
    { program: { argv: ['/bin/sh', '-c', CLONE, 'boxyard', source.url, source.ref ?? '', credentials] } },
    bounded,
  );
  if (cloned.exitCode === 0) return;
  const said = redact(decode(cloned.stderr), source.token).trim().slice(0, 2000);
  throw new SandboxError(
    'invalid',
    `The source could not be cloned: ${said || `git ended with ${cloned.exitCode}`}. Check its url, ref and token.`,
    { stage: 'source.clone', retryable: false },
  );
}

/** Answers where the file lies. Written anew on every box, because it is in no archive. */
async function writeCredentials(
  box: Box,
  groupId: string,
  source: GitSource,
  options: CallOptions,
): Promise<string> {
  const url = new URL(source.url);
  url.username = 'x-access-token';
  url.password = source.token ?? '';
  const written = await box.exec(
    {
      program: { argv: ['/bin/sh', '-c', WRITE_CREDENTIALS, 'boxyard', groupId] },
      stdin: text.encode(`${url.protocol}//${url.username}:${url.password}@${url.host}\n`),
    },
    options,
  );
  if (written.exitCode !== 0) {
    throw new SandboxError(
      'denied',
      `The git credentials could not be stored in the box (exit ${written.exitCode}). Check its folder for temporary files.`,
      { stage: 'source.credentials', retryable: false },
    );
  }
  return decode(written.stdout);
}

const redact = (message: string, secret: string | null) =>
  secret === null || secret === ''
    ? message
    : message.replaceAll(secret, '[redacted]').replaceAll(encodeURIComponent(secret), '[redacted]');
