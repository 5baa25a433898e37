import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { OpWatch } from './op-watch.ts';
import { OpWatches } from './op-watches.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const watchOf = (id: string) => new OpWatch(id, async () => null);

/** In a function of its own, so that nothing here holds the watches. */
function runToTheirEnd(watches: OpWatches, ids: readonly string[]): void {
  for (const id of ids) {
    const watch = watchOf(id);
    watches.add(watch);
    watch.noteExit(0);
    watch.noteClosed(false);
  }
}

test('what has ended is kept only by its handles, what runs is kept', async () => {
  const watches = new OpWatches();
  const ids = Array.from({ length: 100 }, (_, index) => `ended-${index}`);
  runToTheirEnd(watches, ids);
  const running = watchOf('running');
  watches.add(running);
  const held = watchOf('held');
  watches.add(held);
  held.noteExit(0);
  held.noteClosed(false);
  await expect
    .poll(
      () => {
        collectGarbage();
        return ids.filter((id) => watches.get(id) !== undefined);
      },
      { timeout: 30_000 },
    )
    .toEqual([]);
  expect(watches.get('held')).toBe(held);
  expect([...watches.running()]).toEqual([running]);
});

test('one whose output closed before its end was heard of is still waited for', () => {
  const watches = new OpWatches();
  const watch = watchOf('early');
  watches.add(watch);
  watch.noteClosed(false);
  expect([...watches.running()]).toEqual([watch]);
});

test('one that was dropped does not come back when its output closes', () => {
  const watches = new OpWatches();
  const watch = watchOf('dropped');
  watches.add(watch);
  watches.delete(watch);
  watch.noteExit(0);
  watch.noteClosed(false);
  expect(watches.get('dropped')).toBeUndefined();
  const next = watchOf('dropped');
  watches.add(next);
  expect(watches.get('dropped')).toBe(next);
});
