// The workspace as an archive: it comes back exactly.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { furnished, packed, shape, unpack } from '../case/archive-steps.ts';
import { type BoxCase, casesOf } from '../case/box-case.ts';
import { binary, bytesOf, prepare, readText, refused, sameBytes, use } from '../case/case-steps.ts';
import { bytesIn, file, folder, link, streamOf, tarOf, zipped } from '../case/tar-fixture.ts';

export const ARCHIVES_CASES: readonly BoxCase[] = casesOf('archives', [
  {
    id: 'round-trip',
    title: 'pack, wipe and unpack bring back bytes, modes, links and empty folders, and remove what is extra',
    sdk: [58],
    needs: 'archives',
    async run(context) {
      const { files } = context.box;
      const base = await furnished(context);
      const before = await shape(context, base);
      for (const compression of ['gzip', 'none'] as const) {
        const { bytes } = await packed(context, base, compression);
        for (const { path } of await files.list(base)) await files.remove(path, { recursive: true });
        await files.write(`${base}/extra/file`, bytesOf('x'), { createParents: true });
        await unpack(context, bytes, { path: base });
        assert.deepEqual(await shape(context, base), before, compression);
      }
    },
  },
  {
    id: 'whole-workspace',
    title: 'the whole workspace is packed and comes back in another box state',
    sdk: [58],
    needs: 'archives',
    ownBox: true,
    async run(context) {
      const { files } = context.box;
      await files.write('a/b', bytesOf('one'), { createParents: true });
      await files.write('top', bytesOf('top'));
      const archive = await use(context, 'archives').pack({ deadlineMs: context.waitMs });
      const bytes = await bytesIn(archive.stream);
      await files.remove('a', { recursive: true });
      await files.write('extra', bytesOf('x'));
      await use(context, 'archives').unpack(streamOf(bytes), { mode: 'replace', deadlineMs: context.waitMs });
      const present = (await files.list('')).map((entry) => entry.name).sort();
      assert.deepEqual(present, ['a', 'top']);
      assert.equal(await readText(context, 'a/b'), 'one');
      assert.equal(await prepare(context, 'cat top'), 'top', 'commands see another workspace');
    },
  },
  {
    id: 'merge',
    title: 'merge replaces what the archive holds and leaves the rest',
    sdk: [58],
    needs: 'archives',
    async run(context) {
      const base = context.unique('merge');
      await context.box.files.write(`${base}/sub/both`, bytesOf('old'), { createParents: true });
      await context.box.files.write(`${base}/sub/rest`, bytesOf('rest'));
      const bytes = await tarOf([folder('sub'), file('sub/both', 'new'), file('added', 'added')]);
      const report = await unpack(context, bytes, { path: base, mode: 'merge' });
      assert.equal(report.files, 2);
      assert.equal(report.sizeBytes, 8);
      for (const [name, text] of [
        ['sub/both', 'new'],
        ['sub/rest', 'rest'],
        ['added', 'added'],
      ] as const) {
        assert.equal(await readText(context, `${base}/${name}`), text);
      }
    },
  },
  {
    id: 'times',
    title: 'the time of a file comes back',
    needs: 'archives',
    facts: ['kernel'],
    async run(context) {
      const base = context.unique('times');
      await context.box.files.write(`${base}/old`, bytesOf('x'), { createParents: true });
      await prepare(context, `touch -t 200102030405.06 ${base}/old`);
      const before = await context.box.files.stat(`${base}/old`);
      const { bytes } = await packed(context, base);
      await context.box.files.write(`${base}/old`, bytesOf('y'));
      await unpack(context, bytes, { path: base });
      assert.deepEqual((await context.box.files.stat(`${base}/old`))?.modifiedAt, before?.modifiedAt);
    },
  },
  {
    id: 'manifest',
    title:
      'the manifest names everything with digests of the archived bytes, and unpacking computes the same',
    needs: 'archives',
    async run(context) {
      const base = await furnished(context);
      const { bytes, manifest } = await packed(context, base);
      const paths = manifest.entries.map((entry) => entry.path);
      assert.deepEqual(paths, [...paths].sort(), 'the manifest is not sorted');
      const data = manifest.entries.find((entry) => entry.path === 'sub/data');
      assert.equal(data?.sha256, createHash('sha256').update(binary(50_000)).digest('hex'));
      const kinds = new Set(manifest.entries.map((entry) => entry.kind));
      assert.deepEqual([...kinds].sort(), ['dir', 'file', 'symlink']);
      const report = await unpack(context, bytes, { path: base });
      assert.deepEqual(report.manifest, manifest);
      assert.equal(report.files, manifest.entries.filter((entry) => entry.kind === 'file').length);
    },
  },
  {
    id: 'plain-tar',
    title: 'a tar that somebody else made is accepted, zipped or not',
    needs: 'archives',
    async run(context) {
      const tar = await tarOf([folder('d/'), file('d/f', 'content'), link('d/l', 'f')]);
      for (const bytes of [tar, zipped(tar)]) {
        const path = context.unique('plain');
        await context.box.files.mkdir(path);
        await unpack(context, bytes, { path });
        assert.equal(await readText(context, `${path}/d/f`), 'content');
        assert.equal(await readText(context, `${path}/d/l`), 'content');
      }
    },
  },
  {
    id: 'folders',
    title: 'only folders of the workspace are packed and unpacked into',
    needs: 'archives',
    async run(context) {
      const archives = use(context, 'archives');
      const bytes = await tarOf([file('a', 'x')]);
      for (const path of ['..', '/etc', 'a/../..', 'a\0b']) {
        await refused(
          ['invalid', 'denied'],
          archives.pack({ path }).then(({ stream }) => bytesIn(stream)),
          `pack ${path}`,
        );
        await refused(['invalid', 'denied'], unpack(context, bytes, { path }), `unpack into ${path}`);
      }
      const missing = archives
        .pack({ path: context.unique('missing') })
        .then(({ stream }) => bytesIn(stream));
      await refused('not-found', missing, 'packing a missing folder');
      const link = context.unique('link');
      await prepare(context, `ln -s /tmp ${link}`);
      await refused(
        ['invalid', 'denied'],
        archives.pack({ path: link }).then(({ stream }) => bytesIn(stream)),
        'pack a link',
      );
      await refused(['invalid', 'denied'], unpack(context, bytes, { path: link }), 'unpack into a link');
    },
  },
  {
    id: 'changing',
    title: 'an archive packed while files grow and shrink is a valid archive',
    needs: 'archives',
    async run(context) {
      const { files } = context.box;
      const base = context.unique('changing');
      await files.write(`${base}/still`, binary(20_000), { createParents: true });
      let packing = true;
      const writer = (async () => {
        for (let round = 0; packing || round < 5; round++) {
          await files.write(`${base}/moving`, binary((round % 3) * 400_000));
          await files.write(`${base}/gone-${round % 2}`, bytesOf('x'));
          await files.remove(`${base}/gone-${round % 2}`);
        }
      })();
      const archive = await packed(context, base).finally(() => {
        packing = false;
      });
      await writer;
      const path = context.unique('unpacked');
      await files.mkdir(path);
      await unpack(context, archive.bytes, { path });
      sameBytes(await files.read(`${path}/still`), binary(20_000), 'the file that did not change');
    },
  },
]);
