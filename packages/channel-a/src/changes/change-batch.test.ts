import type { FileChange } from '@boxyard/sandbox-core';
import { describe, expect, it } from 'vitest';
import { ChangeBatch } from './change-batch.ts';

const change = (kind: FileChange['kind'], path: string, isDir = false): FileChange => ({ kind, path, isDir });

function taken(...changes: FileChange[]) {
  const batch = new ChangeBatch();
  for (const one of changes) batch.add(one);
  return batch.take();
}

describe('ChangeBatch', () => {
  it('tells of each path once, by what its readers have to know', () => {
    const { changes } = taken(
      change('created', 'new'),
      change('modified', 'new'),
      change('created', 'passing'),
      change('deleted', 'passing'),
      change('deleted', 'replaced'),
      change('created', 'replaced'),
      change('modified', 'gone'),
      change('deleted', 'gone'),
    );
    expect(changes).toEqual([
      change('created', 'new'),
      change('modified', 'replaced'),
      change('deleted', 'gone'),
    ]);
  });

  it('leaves out what tools fill, and tells of a repository only that its state changed', () => {
    const seen = taken(
      change('created', 'a/node_modules', true),
      change('created', 'a/node_modules/x/index.js'),
      change('created', 'a/src/__pycache__/x.pyc'),
      change('modified', 'repo/.git/index'),
      change('created', 'repo/.git/refs/heads/topic'),
      change('created', 'other/.git/objects/ab/cdef'),
      change('created', '.gitignore'),
    );
    expect(seen.changes.map(({ path }) => path)).toEqual(['a/node_modules', '.gitignore']);
    expect(seen.repositories).toEqual(['repo']);
  });

  it('names the common folder of too many, and of what comes after them', () => {
    const batch = new ChangeBatch();
    for (let i = 0; i <= 500; i += 1) batch.add(change('created', `a/b/c${i % 3}/f${i}`));
    batch.add(change('created', 'a/b/d'));
    expect(batch.take()).toEqual({ changes: [], folder: 'a/b', repositories: [] });
    batch.add(change('created', 'x'));
    batch.add(change('resync', ''));
    expect(batch.take()).toMatchObject({ changes: [], folder: '' });
    expect(batch.isEmpty).toBe(true);
  });
});
