import { describe, expect, it } from 'vitest';
import { parseStatus } from './porcelain-status.ts';

const records = (...lines: string[]) => lines.map((line) => `${line}\0`).join('');
const SHA = 'a'.repeat(40);

describe('parseStatus', () => {
  it('reads every kind of record, with names that hold spaces, quotes and line ends', () => {
    const status = parseStatus(
      records(
        `# branch.oid ${SHA}`,
        '# branch.head main',
        '# branch.upstream origin/main',
        '# branch.ab +2 -13',
        `1 .M N... 100644 100644 100644 ${SHA} ${SHA} with space "and" quote`,
        `2 R. N... 100644 100644 100644 ${SHA} ${SHA} R100 new name`,
        'old\nname',
        `u UU N... 100644 100644 100644 100644 ${SHA} ${SHA} ${SHA} both sides`,
        '? un tracked',
        '! ignored',
      ),
    );
    expect(status).toEqual({
      head: 'main',
      detached: false,
      upstream: 'origin/main',
      ahead: 2,
      behind: 13,
      files: [
        { path: 'with space "and" quote', oldPath: null, index: '.', worktree: 'M', isConflicted: false },
        { path: 'new name', oldPath: 'old\nname', index: 'R', worktree: '.', isConflicted: false },
        { path: 'both sides', oldPath: null, index: 'U', worktree: 'U', isConflicted: true },
        { path: 'un tracked', oldPath: null, index: '?', worktree: '?', isConflicted: false },
        { path: 'ignored', oldPath: null, index: '!', worktree: '!', isConflicted: false },
      ],
    });
  });

  it('names the commit of a detached head', () => {
    const status = parseStatus(records(`# branch.oid ${SHA}`, '# branch.head (detached)'));
    expect(status).toMatchObject({ head: SHA, detached: true, upstream: null, ahead: 0, behind: 0 });
  });

  it.each(['1 .M N...', `2 R. N... 1 1 1 ${SHA} ${SHA} R100 new`, 'x what', '1 ZZ N... 1 1 1 a b c'])(
    'refuses %j instead of leaving it out',
    (record) => {
      expect(() => parseStatus(records(record))).toThrow(expect.objectContaining({ code: 'unsupported' }));
    },
  );
});
