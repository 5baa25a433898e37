// Writes that depend on what is there, and the versions that they name.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type BoxCase, casesOf } from '../case/box-case.ts';
import { bytesOf, prepare, readText, refused, writeFile } from '../case/case-steps.ts';

import { folderOf, names, outcomes, streamOf } from '../case/file-steps.ts';

export const FILE_VERSIONS_CASES: readonly BoxCase[] = casesOf('files', [
  {
    id: 'version',
    title:
      'versions are digests of the content: equal for equal bytes, null for nothing, and the same everywhere',
    async run(context) {
      const { files } = context.box;
      const name = context.unique('version');
      assert.equal(await files.version(name), null);
      const written = await files.write(name, bytesOf('one'));
      assert.equal(written.version, `sha256-${createHash('sha256').update('one').digest('hex')}`);
      assert.equal(written.sizeBytes, 3);
      assert.equal(await files.version(name), written.version);
      await prepare(context, `printf two > ${name}`);
      assert.notEqual(await files.version(name), written.version);
      await prepare(context, `printf one > ${name}`);
      assert.equal(await files.version(name), written.version);
    },
  },
  {
    id: 'version-large',
    title: 'above 8 MiB a version is made of time, size and inode',
    async run(context) {
      const size = 8 * 1024 * 1024 + 1;
      const name = context.unique('large');
      const { version } = await context.box.files.write(name, new Uint8Array(size));
      assert.match(version, new RegExp(`^st-\\d+-${size}-\\d+$`));
      assert.equal(await context.box.files.version(name), version);
      await writeFile(context, name, new Uint8Array(size - 1));
      assert.match((await context.box.files.version(name)) ?? '', /^sha256-/);
    },
  },
  {
    id: 'if-version',
    title: 'a write with a version succeeds only over that version',
    async run(context) {
      const { files } = context.box;
      const name = context.unique('guarded');
      await refused(
        'precondition-failed',
        files.write(name, bytesOf('x'), { ifVersion: 'sha256-00' }),
        'over nothing',
      );
      assert.equal(await files.stat(name), null);
      const { version } = await files.write(name, bytesOf('one'));
      const next = await files.write(name, bytesOf('two'), { ifVersion: version });
      await refused(
        'precondition-failed',
        files.write(name, bytesOf('three'), { ifVersion: version }),
        'over another',
      );
      assert.equal(await readText(context, name), 'two');
      await files.write(name, bytesOf('four'), { ifVersion: next.version });
    },
  },
  {
    id: 'if-version-race',
    title: 'of eight writes over one version exactly one wins',
    async run(context) {
      const name = context.unique('race');
      const { version } = await context.box.files.write(name, bytesOf('start'));
      const writes = [0, 1, 2, 3, 4, 5, 6, 7].map((index) =>
        context.box.files.write(name, bytesOf(`winner ${index}`), { ifVersion: version }),
      );
      const results = await outcomes(writes);
      assert.deepEqual([...results].sort(), ['ok', ...Array(7).fill('precondition-failed')].sort());
      assert.equal(await readText(context, name), `winner ${results.indexOf('ok')}`);
    },
  },
  {
    id: 'if-absent',
    title: 'a write that must create is a conflict over anything that has the name',
    async run(context) {
      const { files } = context.box;
      const folder = await folderOf(context, 'absent');
      await files.write(`${folder}/file`, bytesOf('first'), { ifAbsent: true });
      await refused(
        'conflict',
        files.write(`${folder}/file`, bytesOf('second'), { ifAbsent: true }),
        'over a file',
      );
      assert.equal(await readText(context, `${folder}/file`), 'first');
      await prepare(context, `ln -s nowhere ${folder}/dangling`);
      await refused(
        'conflict',
        files.write(`${folder}/dangling`, bytesOf('x'), { ifAbsent: true }),
        'over a link',
      );
      assert.deepEqual(await names(context, folder), ['dangling', 'file']);
    },
  },
  {
    id: 'if-absent-race',
    title: 'of eight writes that must create exactly one wins',
    async run(context) {
      const folder = await folderOf(context, 'race');
      const writes = [0, 1, 2, 3, 4, 5, 6, 7].map((index) =>
        context.box.files.write(`${folder}/file`, bytesOf(`winner ${index}`), { ifAbsent: true }),
      );
      const results = await outcomes(writes);
      assert.deepEqual([...results].sort(), [...Array(7).fill('conflict'), 'ok']);
      assert.equal(await readText(context, `${folder}/file`), `winner ${results.indexOf('ok')}`);
      assert.deepEqual(await names(context, folder), ['file']);
    },
  },
  {
    id: 'digest',
    title: 'content that is not what its digest says is invalid and leaves the old file',
    async run(context) {
      const folder = await folderOf(context, 'digest');
      const name = `${folder}/file`;
      await writeFile(context, name, 'old');
      const expectedSha256 = createHash('sha256').update('new').digest('hex');
      await refused('invalid', context.box.files.write(name, bytesOf('nex'), { expectedSha256 }));
      await refused('invalid', context.box.files.write(name, streamOf(bytesOf('n')), { expectedSha256 }));
      assert.equal(await readText(context, name), 'old');
      await context.box.files.write(name, streamOf(bytesOf('n'), bytesOf('ew')), { expectedSha256 });
      assert.equal(await readText(context, name), 'new');
      assert.deepEqual(await names(context, folder), ['file']);
    },
  },
  {
    id: 'announced-length',
    title:
      'a stream that says how long it is arrives whole, and one that is of another length as it came or not at all',
    async run(context) {
      const folder = await folderOf(context, 'announced');
      const name = `${folder}/file`;
      const part = new Uint8Array(512 * 1024).fill(1);
      const stream = () => streamOf(part, part, part.slice(0, 7));
      const sizeBytes = 2 * part.length + 7;
      await context.box.files.write(name, stream(), { sizeBytes });
      assert.equal((await context.box.files.stat(name))?.sizeBytes, sizeBytes);
      const text = `${folder}/text`;
      await writeFile(context, text, 'old');
      for (const wrong of [2, 4]) {
        const [outcome] = await outcomes([
          context.box.files.write(text, streamOf(bytesOf('new')), { sizeBytes: wrong }),
        ]);
        assert.ok(outcome === 'ok' || outcome === 'invalid', outcome);
        assert.equal(await readText(context, text), outcome === 'ok' ? 'new' : 'old');
        await writeFile(context, text, 'old');
      }
      assert.deepEqual([...(await names(context, folder))].sort(), ['file', 'text']);
    },
  },
]);
