import assert from 'node:assert/strict';
import type { FileChange } from '@boxyard/sandbox-core';
import { type BoxCase, type BoxCaseContext, casesOf } from '../case/box-case.ts';
import { bytesOf, eventually, prepare, refused, use } from '../case/case-steps.ts';

interface Watched {
  readonly folder: string;
  readonly changes: readonly FileChange[];
  readonly stop: () => Promise<void>;
  /** Whether a change of this kind came, or the watcher said that it lost some. */
  saw(kind: FileChange['kind'], path: string): boolean;
}

/** Watches a new folder and returns once changes are seen for sure. */
async function watchFolder(context: BoxCaseContext, recursive = true): Promise<Watched> {
  const { files } = context.box;
  const folder = context.unique('watched');
  await files.mkdir(`${folder}/sub`, { recursive: true });
  const controller = new AbortController();
  const changes: FileChange[] = [];
  const watching = (async () => {
    const signal = controller.signal;
    for await (const change of use(context, 'watch').watch(folder, { signal, recursive }))
      changes.push(change);
  })();
  // A failure shows when the case ends the watch; until then it must not count as unhandled.
  watching.catch(() => undefined);
  const stop = async () => {
    controller.abort();
    await watching.catch((error: { code?: string }) => assert.equal(error.code, 'cancelled', String(error)));
  };
  context.defer(stop);
  let round = 0;
  await eventually(context, 'the watch has begun', async () => {
    await files.write(`${folder}/probe-${round++}`, bytesOf('x'));
    return changes.length > 0;
  });
  const saw = (kind: FileChange['kind'], path: string) =>
    changes.some(
      (change) => change.kind === 'resync' || (change.kind === kind && change.path === `${folder}/${path}`),
    );
  return { folder, changes, stop, saw };
}

export const WATCH_CASES: readonly BoxCase[] = casesOf('watch', [
  {
    id: 'by-files',
    title: 'what is written, made, moved and removed through the box is told',
    needs: 'watch',
    async run(context) {
      const { files } = context.box;
      const { folder, saw } = await watchFolder(context);
      await files.write(`${folder}/new`, bytesOf('x'));
      await eventually(context, 'a new file is told', async () => saw('created', 'new'));
      await files.move(`${folder}/new`, `${folder}/moved`);
      await eventually(
        context,
        'a move is told as gone and new',
        async () => saw('deleted', 'new') && saw('created', 'moved'),
      );
      await files.remove(`${folder}/moved`);
      await eventually(context, 'a removal is told', async () => saw('deleted', 'moved'));
    },
  },
  {
    id: 'by-commands',
    title: 'what a command changes is told',
    needs: 'watch',
    async run(context) {
      const { folder, saw } = await watchFolder(context);
      await prepare(context, `echo one > ${folder}/made`);
      await eventually(context, 'a file that a command made is told', async () => saw('created', 'made'));
      await prepare(context, `echo two >> ${folder}/made`);
      await eventually(context, 'a change is told', async () => saw('modified', 'made'));
      await prepare(context, `rm ${folder}/made`);
      await eventually(context, 'a removal is told', async () => saw('deleted', 'made'));
    },
  },
  {
    id: 'deep',
    title: 'changes in folders below are told, also in those made later',
    needs: 'watch',
    async run(context) {
      const { files } = context.box;
      const { folder, saw } = await watchFolder(context);
      await files.write(`${folder}/sub/file`, bytesOf('x'));
      await eventually(context, 'a change below is told', async () => saw('created', 'sub/file'));
      await files.mkdir(`${folder}/late/r`, { recursive: true });
      await eventually(context, 'a new folder is told', async () => saw('created', 'late'));
      let round = 0;
      await eventually(context, 'changes in the new folder are told', async () => {
        await files.write(`${folder}/late/r/file-${round}`, bytesOf('x'));
        return saw('created', `late/r/file-${Math.max(0, round++ - 1)}`);
      });
    },
  },
  {
    id: 'flat',
    title: 'without recursive only the folder itself is watched',
    needs: 'watch',
    async run(context) {
      const { files } = context.box;
      const { folder, changes, saw } = await watchFolder(context, false);
      await files.write(`${folder}/sub/file`, bytesOf('x'));
      await files.write(`${folder}/here`, bytesOf('x'));
      await eventually(context, 'the change in the folder is told', async () => saw('created', 'here'));
      assert.ok(!changes.some((change) => change.path === `${folder}/sub/file`), 'a change below was told');
    },
  },
  {
    id: 'relative',
    title: 'every change is named relative to the root, below the watched folder',
    needs: 'watch',
    async run(context) {
      const { folder, changes, saw } = await watchFolder(context);
      await context.box.files.mkdir(`${folder}/dir`);
      await eventually(context, 'the folder is told', async () => saw('created', 'dir'));
      for (const { kind, path } of changes) {
        assert.ok(kind === 'resync' ? path === '' : path.startsWith(`${folder}/`), `${kind} ${path}`);
      }
      const made = changes.find((change) => change.path === `${folder}/dir` && change.kind === 'created');
      assert.ok(made === undefined || made.isDir, 'a folder is called a file');
    },
  },
  {
    id: 'ends',
    title: 'a watch ends with its signal, and one that has ended tells nothing more',
    needs: 'watch',
    async run(context) {
      const { folder, changes, stop } = await watchFolder(context);
      await stop();
      const count = changes.length;
      await context.box.files.write(`${folder}/after`, bytesOf('x'));
      await prepare(context, 'true');
      assert.equal(changes.length, count);
    },
  },
  {
    id: 'refused',
    title: 'watching nothing is not-found, and watching outside is refused',
    needs: 'watch',
    async run(context) {
      const first = async (path: string) => {
        const controller = new AbortController();
        context.defer(async () => controller.abort());
        for await (const change of use(context, 'watch').watch(path, { signal: controller.signal }))
          return change;
        return null;
      };
      await refused('not-found', first(context.unique('missing')), 'a missing folder');
      await refused(['invalid', 'denied'], first('../..'), 'a folder outside');
      await refused(['invalid', 'denied'], first('/etc'), 'an absolute path');
      const link = context.unique('link');
      await prepare(context, `ln -s /etc ${link}`);
      await refused(['invalid', 'denied'], first(link), 'a link to a folder outside');
    },
  },
]);
