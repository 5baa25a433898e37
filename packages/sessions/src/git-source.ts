/** Clones a session's source into its empty workspace on first use. */
import { type Box, type CallOptions, SandboxError } from '@boxyard/sandbox-core';
import { writeGitCredentials } from './git-credentials.ts';

export interface GitSource {
  readonly url: string;
  readonly ref: string | null;
  readonly token: string | null;
}

/** A clone of a large repository over a slow line; past it the session says so instead of waiting on. */
const CLONE_DEADLINE_MS = 600_000;

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

const CLONE = `
set -e
export GIT_TERMINAL_PROMPT=0
git init --quiet .
git remote remove origin 2>/dev/null || true
git remote add -- origin "$1"
[ -z "$3" ] || git config credential.helper "$3"
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
  const { url, token } = source;
  const helper = token === null ? '' : await writeGitCredentials(box, groupId, { url, token }, bounded);
  const cloned = await box.exec(
    { program: { argv: ['/bin/sh', '-c', CLONE, 'boxyard', source.url, source.ref ?? '', helper] } },
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

const redact = (message: string, secret: string | null) =>
  secret === null || secret === ''
    ? message
    : message.replaceAll(secret, '[redacted]').replaceAll(encodeURIComponent(secret), '[redacted]');
