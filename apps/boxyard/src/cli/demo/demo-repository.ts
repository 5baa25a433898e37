/** A small repository with a failing test, in plain shell: it runs in every box. */

/** The fault that the scripted model knows, and one that it does not. */
export type DemoFault = 'known' | 'other';

const LOOP = 'while read -r name price; do';
/** A last line without an end is read too. */
const MENDED_LOOP = 'while read -r name price || [ -n "$name" ]; do';

const total = (loop: string) => `#!/bin/sh
# Adds up a shopping list: a name and a price in cents on each line.
total=0
${loop}
  total=$((total + price))
done < "$1"
echo "$total"
`;

const CHECKS: Readonly<Record<DemoFault, string>> = {
  known: `check 'a list whose last line has no end' 330 'bread 130\\ncheese 200'`,
  other: `check 'a price with a comma' 330 'bread 1,30\\ncheese 2,00\\n'`,
};

const test = (fault: DemoFault) => `#!/bin/sh
# Every list has to come to its total.
failed=0
check() {
  printf "$3" > list.tmp
  got=$(sh total.sh list.tmp 2>&1)
  rm list.tmp
  if [ "$got" = "$2" ]; then
    echo "ok: $1"
  else
    failed=1
    echo "FAILED: $1: expected $2, got $got"
  fi
}
check 'a list of one line' 130 'bread 130\\n'
check 'a list of two lines' 330 'bread 130\\ncheese 200\\n'
${CHECKS[fault]}
[ "$failed" = 0 ] && echo 'all tests passed'
exit "$failed"
`;

/** The files by their path. */
export const demoRepository = (fault: DemoFault): Readonly<Record<string, string>> => ({
  'total.sh': total(fault === 'known' ? LOOP : MENDED_LOOP),
  'test.sh': test(fault),
  'CHANGELOG.md': '# Changes\n\n## Unreleased\n',
});

/** Makes the first commit. */
export const DEMO_COMMIT =
  'git init -q . && git config user.name demo && git config user.email demo@localhost && ' +
  'git add -A && git commit -q -m "Add up shopping lists"';

/** Both patches of the known fault. */
export const DEMO_PATCHES = [
  { path: 'total.sh', diff: `@@\n-${LOOP}\n+${MENDED_LOOP}\n` },
  {
    path: 'CHANGELOG.md',
    diff: '@@\n ## Unreleased\n+\n+- The last line of a list counts, whether or not it has an end.\n',
  },
] as const;

/** Whether the text shows the line that the patch replaces. */
export const showsKnownFault = (text: string): boolean =>
  text.includes(LOOP) && /^FAILED: a list whose last line has no end/m.test(text);

const TASK = 'The test of this repository, test.sh, fails.';

/** @param backend where the second half of the work is done. */
export const demoTask = (backend: string): string =>
  `${TASK} Find out why, mend it with apply_patch, add a line to CHANGELOG.md, run the test again and commit. ` +
  `Then go on in another box: call swap_sandbox with the target "${backend}" and carry true, run the test there too, and tag the commit as "mended".`;

/** Where a task wants the second half done; null for what is no task of the demo. */
export function backendOfTask(message: string): string | null {
  return message.startsWith(TASK) ? (/the target "(\w+)"/.exec(message)?.[1] ?? null) : null;
}
