/** A workspace that somebody would miss, made and looked at by the box's own tools: independent of what is tested. */
import type { Box } from '@boxyard/sandbox-core';

/**
 * Many files in many folders, odd names, empty ones, links that lead somewhere, out and nowhere, permissions of all
 * kinds, and a repository whose last commits were never pushed, with work that is not committed either.
 */
const MAKE = `
set -eu
umask 022
i=0
while [ $i -lt "$FILES" ]; do
  d=tree/d$((i % 50))/e$((i % 3))
  [ $i -ge 150 ] || mkdir -p $d
  printf 'file %s of cycle 0\\n' $i >$d/f$i
  i=$((i + 1))
done
head -c 3000000 /dev/urandom >large.bin
mkdir -p 'odd names' empty
: >'odd names/ leading and trailing '
: >'odd names/üñí "quoted" \\back'
printf x >'odd names/-n'
chmod 755 tree/d1/e*/f*
chmod 600 tree/d2/e*/f*
chmod 444 tree/d3/e*/f*
chmod 700 tree/d4
mkdir links
i=0
while [ $i -lt 50 ]; do
  ln -s ../tree/d$i links/to$i
  i=$((i + 1))
done
ln -s nowhere links/dangling
ln -s /etc/hostname links/outward
git init -q --bare origin.git
git init -q repo
cd repo
git config user.name t
git config user.email t@example.org
git remote add origin ../origin.git
for n in 1 2 3; do
  echo $n >file$n
  git add .
  git commit -qm "commit $n"
  [ $n != 1 ] || git push -q origin HEAD:main
done
echo staged >staged
git add staged
echo changed >file1
`;

/** One line for each name, with content, permissions or target; then what git says, its own check included. */
const LOOK = `
set -eu
find . -type f -exec sha256sum {} + | sort
find . ! -type l -exec stat -c '%a %F %n' {} + | sort
find . -type l -exec sh -c 'for link; do printf "%s -> %s\\n" "$link" "$(readlink "$link")"; done' sh {} + | sort
cd repo
git fsck --strict --no-progress 2>&1
git log --format=%H origin/main..HEAD
git status --porcelain
`;

async function run(box: Box, script: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const request = { program: { script }, env, output: 'merged', maxOutputBytes: 64 * 1024 ** 2 } as const;
  const { stdout, exitCode, truncated } = await box.exec(request, { deadlineMs: 300_000 });
  const text = new TextDecoder().decode(stdout);
  if (exitCode !== 0 || truncated) throw new Error(`It ended with ${exitCode}: ${text.slice(-2_000)}`);
  return text;
}

export const makePrecious = (box: Box, files: number): Promise<string> =>
  run(box, MAKE, { FILES: String(files) });

/** Some files are changed, one is new, one is removed, and one more commit is made. */
export const changePrecious = (box: Box, cycle: number): Promise<string> =>
  run(
    box,
    `set -eu
    for f in tree/d5/e*/f*; do echo "cycle $CYCLE" >"$f"; done
    printf 'new in %s' "$CYCLE" >"tree/new$CYCLE"
    rm tree/d$((6 + CYCLE))/e0/f*
    cd repo
    git commit -q --allow-empty -m "cycle $CYCLE"`,
    { CYCLE: String(cycle) },
  );

export const lookAtPrecious = async (box: Box): Promise<readonly string[]> =>
  (await run(box, LOOK)).split('\n');
