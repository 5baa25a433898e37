import { expect, test } from 'vitest';
import { gitStatusOf } from './git-request.ts';

test('a status is read with renamings, conflicts and names of every kind', () => {
  const printed = [
    '# branch.oid 1234',
    '# branch.head main',
    '# branch.upstream origin/main',
    '# branch.ab +2 -1',
    '1 M. N... 100644 100644 100644 aaaa bbbb with a space',
    '1 .M N... 100644 100644 100644 aaaa bbbb plain',
    '2 R. N... 100644 100644 100644 aaaa bbbb R100 new name',
    'old name',
    'u UU N... 100644 100644 100644 100644 aaaa bbbb cccc both',
    '? un\ntracked',
    '',
  ].join('\0');
  const status = gitStatusOf(new TextEncoder().encode(printed));
  expect(status).toMatchObject({
    branch: 'main',
    upstream: 'origin/main',
    ahead: 2,
    behind: 1,
    clean: false,
  });
  expect(status.files.map(({ path, code, staged }) => [path, code, staged])).toEqual([
    ['with a space', 'M.', true],
    ['plain', '.M', false],
    ['new name', 'R.', true],
    ['both', 'UU', true],
    ['un\ntracked', '??', false],
  ]);
  expect(gitStatusOf(new TextEncoder().encode('# branch.head main\0')).clean).toBe(true);
});
