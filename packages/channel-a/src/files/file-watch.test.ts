import type { FileChange } from '@boxyard/sandbox-core';
import { describe, expect, it } from 'vitest';
import { openTestBox } from '../../test/local-box.ts';
import { watchChanges } from './file-watch.ts';

/** A source that gives out everything before its reader has read anything. */
const watchOf = (changes: readonly FileChange[]) => ({
  async *watch() {
    yield* changes;
  },
});

const batches = async (changes: readonly FileChange[]) => {
  const seen = [];
  const { signal } = new AbortController();
  const reader = watchChanges(watchOf(changes), { path: '', recursive: true, signal });
  for await (const batch of reader) {
    seen.push(batch);
    // Everything there is comes while the reader is away.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return seen.flat();
};

const change = (kind: FileChange['kind'], path: string): FileChange => ({ kind, path, isDir: false });

describe('watchChanges', () => {
  it('tells several changes of one path as one', async () => {
    const told = await batches([
      change('created', 'first'),
      change('created', 'a'),
      change('modified', 'a'),
      change('modified', 'b'),
      change('deleted', 'b'),
    ]);
    expect(told.filter(({ path }) => path === 'a')).toEqual([change('created', 'a')]);
    expect(told.at(-1)).toEqual(change('deleted', 'b'));
  });

  it('says resync instead of growing without end', async () => {
    const many = Array.from({ length: 20_000 }, (_, i) => change('created', `f${i}`));
    const told = await batches(many);
    expect(told.length).toBeLessThan(5000);
    expect(told.at(-1)).toEqual({ kind: 'resync', path: '', isDir: false });
  });

  it('ends with a resync when the box is stopped', async () => {
    await using test = await openTestBox();
    const handle = await test.provider.resume(test.box.ref, { epoch: 1, environment: {} });
    const { watch } = handle.capabilities;
    if (!watch.available) throw new Error(watch.reason);
    const { signal } = new AbortController();
    const reader = watchChanges(watch.use, { path: '', recursive: true, signal });
    const first = reader.next();
    await handle.close();
    expect((await first).value).toEqual([{ kind: 'resync', path: '', isDir: false }]);
    expect((await reader.next()).done).toBe(true);
  });

  it('passes a resync of the box on, and its failure', async () => {
    expect(
      await batches([change('modified', 'a'), { kind: 'resync', path: '', isDir: false }]),
    ).toContainEqual({
      kind: 'resync',
      path: '',
      isDir: false,
    });
    const { signal } = new AbortController();
    const failing = {
      async *watch(): AsyncGenerator<FileChange> {
        yield* await Promise.reject<FileChange[]>(new Error('no more watches'));
      },
    };
    await expect(watchChanges(failing, { path: '', recursive: true, signal }).next()).rejects.toThrow(
      'no more watches',
    );
  });
});
