/**
 * A token for git in a box: it travels by stdin into a 0600 file outside the workspace, read by git's own `store`
 * helper. Never in `.git/config`, a command line, the environment or an archive.
 */
import { type Box, type CallOptions, SandboxError } from '@boxyard/sandbox-core';

// A box that shares its machine's folder for temporary files says where else they go, so that they end with it. mkdir
// without -p fails on a folder or a link that somebody else put there; one of our own is used again. The file is
// replaced in one step: git may be reading it. A workspace that came from another box still names that one's file.
// Git gives its helper to a shell, so a path of more than the plainest characters is quoted.
const WRITE_CREDENTIALS = `
umask 077
[ -z "$BOXYARD_KEEP" ] || mkdir -p "$BOXYARD_KEEP" || exit 72
dir="\${BOXYARD_KEEP:-\${TMPDIR:-/tmp}}/boxyard-credentials-$1"
mkdir "$dir" 2>/dev/null || { [ -d "$dir" ] && [ ! -L "$dir" ] && [ -O "$dir" ]; } || exit 73
cat >"$dir/git.$$" && mv -f "$dir/git.$$" "$dir/git" || exit 74
file=$dir/git
case $file in *[!A-Za-z0-9_./-]*) file="'$(printf %s "$file" | sed "s/'/'\\\\\\\\''/g")'" ;; esac
helper="store --file=$file"
case $(git config --local credential.helper 2>/dev/null) in
  "$helper") ;;
  "store --file="*/boxyard-credentials-*/git*) git config --local credential.helper "$helper" || exit 75 ;;
esac
printf %s "$helper"
`;

/**
 * Answers what git's `credential.helper` has to be in the box. Another token takes the place of the one before.
 *
 * @throws SandboxError `denied` when it cannot be stored there.
 */
export async function writeGitCredentials(
  box: Box,
  groupId: string,
  source: { readonly url: string; readonly token: string },
  options: CallOptions,
): Promise<string> {
  const url = new URL(source.url);
  url.username = 'x-access-token';
  url.password = source.token;
  const written = await box.exec(
    {
      program: { argv: ['/bin/sh', '-c', WRITE_CREDENTIALS, 'boxyard', groupId] },
      stdin: new TextEncoder().encode(`${url.protocol}//${url.username}:${url.password}@${url.host}\n`),
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
  return new TextDecoder().decode(written.stdout);
}
