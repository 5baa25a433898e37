import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Bytes } from '@boxyard/sandbox-core';
import { type BoxCase, type BoxCaseContext, casesOf } from '../case/box-case.ts';
import {
  binary,
  bytesOf,
  eventually,
  prepare,
  readText,
  refused,
  sameBytes,
  writeFile,
} from '../case/case-steps.ts';

const ODD_NAMES = [
  'two\nlines',
  '-rf',
  'ü',
  '.hidden',
  ' space ',
  `it's`,
  '"',
  '$HOME',
  '*',
  'a\\b',
  'x;y',
  '~',
  'ü\u0308',
];

/** A folder of its own for a case that looks at what is in it. */
async function folderOf(context: BoxCaseContext, hint: string): Promise<string> {
  const folder = context.unique(hint);
  await context.box.files.mkdir(folder, { deadlineMs: context.waitMs });
  return folder;
}

async function names(context: BoxCaseContext, folder: string): Promise<readonly string[]> {
  return (await context.box.files.list(folder)).map((entry) => entry.name).sort();
}

async function readStream(stream: ReadableStream<Bytes>): Promise<Bytes> {
  const parts: Bytes[] = [];
  for await (const part of stream) parts.push(part);
  return new Uint8Array(Buffer.concat(parts));
}

const streamOf = (...parts: Bytes[]): ReadableStream<Bytes> =>
  ReadableStream.from(parts) as ReadableStream<Bytes>;

/** What a list of promises came to: `ok` or the error's code. */
async function outcomes(promises: readonly Promise<unknown>[]): Promise<readonly string[]> {
  return Promise.all(
    promises.map((each) =>
      each.then(
        () => 'ok',
        (error: { code?: string }) => error.code ?? String(error),
      ),
    ),
  );
}

export const FILES_CASES: readonly BoxCase[] = casesOf('files', [
  {
    id: 'binary',
    title: 'what is written is read back byte for byte',
    sdk: [37],
    async run(context) {
      for (const length of [0, 1, 300_000]) {
        const content = binary(length);
        const name = await writeFile(context, context.unique('binary'), content);
        sameBytes(await context.box.files.read(name), content, `${length} bytes`);
        assert.equal((await context.box.files.stat(name))?.sizeBytes, length);
      }
    },
  },
  {
    id: 'max-bytes',
    title: 'a read of more than maxBytes is too-large, of exactly as many it is not',
    sdk: [37, 46],
    async run(context) {
      const name = await writeFile(context, context.unique('bound'), '12345');
      assert.equal((await context.box.files.read(name, { maxBytes: 5 })).length, 5);
      await refused('too-large', context.box.files.read(name, { maxBytes: 4 }));
      assert.equal((await context.box.files.read(name, { maxBytes: 4, offset: 2 })).length, 3);
    },
  },
  {
    id: 'image',
    title: 'the bytes of an image arrive as they are, text as text, and a folder is no image',
    sdk: [46],
    async run(context) {
      const png = new Uint8Array(
        Buffer.from(
          'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
          'base64',
        ),
      );
      const name = await writeFile(context, `${context.unique('image')}.png`, png);
      sameBytes(await context.box.files.read(name), png, 'the image');
      await refused('invalid', context.box.files.read(''), 'reading a folder');
      await refused('not-found', context.box.files.read(`${name}.missing`), 'reading what is not there');
    },
  },
  {
    id: 'ranges',
    title: 'a range is exactly its bytes, short at the end of the file and empty beyond it',
    async run(context) {
      const content = binary(200_000);
      const name = await writeFile(context, context.unique('ranges'), content);
      for (const [offset, length] of [
        [0, 1],
        [65_535, 2],
        [1, 150_000],
        [199_999, 1],
        [199_990, 100],
        [200_000, 5],
        [300_000, 5],
        [5, 0],
      ] as const) {
        const bytes = await context.box.files.read(name, { offset, length });
        sameBytes(bytes, content.subarray(offset, offset + length), `${offset}+${length}`);
        const opened = await context.box.files.open(name, { offset, length });
        sameBytes(
          await readStream(opened.stream),
          content.subarray(offset, offset + length),
          `open ${offset}+${length}`,
        );
        assert.equal(opened.sizeBytes, content.length);
      }
      sameBytes(await context.box.files.read(name, { offset: 100 }), content.subarray(100), 'from 100 on');
    },
  },
  {
    id: 'bad-ranges',
    title: 'a range that is no range is invalid',
    async run(context) {
      const name = await writeFile(context, context.unique('ranges'), 'x');
      for (const range of [{ offset: -1 }, { length: -1 }, { offset: 0.5 }, { length: Number.NaN }]) {
        await refused('invalid', context.box.files.read(name, range), JSON.stringify(range));
        await refused('invalid', context.box.files.open(name, range), `open ${JSON.stringify(range)}`);
      }
    },
  },
  {
    id: 'stream-in',
    title: 'a stream of many parts is written as one file',
    async run(context) {
      const name = context.unique('stream');
      const parts = Array.from({ length: 50 }, (_, index) => binary(index * 1000));
      const written = await context.box.files.write(name, streamOf(...parts));
      const content = Buffer.concat(parts);
      assert.equal(written.sizeBytes, content.length);
      sameBytes(await context.box.files.read(name), content, 'the file');
    },
  },
  {
    id: 'stream-out',
    title: 'an opened file delivers the bytes that its version names',
    async run(context) {
      const content = binary(1_000_000);
      const name = await writeFile(context, context.unique('open'), content);
      const { stream, version, sizeBytes } = await context.box.files.open(name);
      sameBytes(await readStream(stream), content, 'the stream');
      assert.equal(sizeBytes, content.length);
      assert.equal(version, `sha256-${createHash('sha256').update(content).digest('hex')}`);
    },
  },
  {
    id: 'broken-stream',
    title: 'a content stream that breaks leaves the old file and no part of the new one',
    async run(context) {
      const folder = await folderOf(context, 'broken');
      await writeFile(context, `${folder}/file`, 'old');
      const broken = new ReadableStream<Bytes>({
        start: (controller) => controller.enqueue(bytesOf('new')),
        pull: (controller) => controller.error(new Error('the sender is gone')),
      });
      await assert.rejects(context.box.files.write(`${folder}/file`, broken));
      assert.equal(await readText(context, `${folder}/file`), 'old');
      await eventually(context, 'no part is left', async () => (await names(context, folder)).length === 1);
    },
  },
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
    id: 'mode',
    title: 'a new file has the mode that was asked for, an existing one keeps its own',
    async run(context) {
      const { files } = context.box;
      const name = context.unique('mode');
      const modeOf = async () => (await files.stat(name))?.mode;
      await files.write(name, bytesOf('1'));
      assert.equal(await modeOf(), 0o644);
      await files.write(name, bytesOf('2'), { mode: 0o755 });
      assert.equal(await modeOf(), 0o755);
      await files.write(name, bytesOf('3'));
      assert.equal(await modeOf(), 0o755);
      await prepare(context, `chmod 600 ${name}`);
      assert.equal(await modeOf(), 0o600);
    },
  },
  {
    id: 'mode-runs',
    title: 'a file that was written as a program runs',
    facts: ['kernel'],
    async run(context) {
      const name = context.unique('tool');
      await context.box.files.write(name, bytesOf('#!/bin/sh\necho "tool $1"\n'), { mode: 0o755 });
      assert.equal(await prepare(context, `./${name} runs`), 'tool runs\n');
    },
  },
  {
    id: 'parents',
    title: 'parents are made when asked for, and are else not-found',
    async run(context) {
      const folder = context.unique('parents');
      await refused('not-found', context.box.files.write(`${folder}/a/b`, bytesOf('x')));
      assert.equal(await context.box.files.stat(folder), null);
      await context.box.files.write(`${folder}/a/b`, bytesOf('x'), { createParents: true });
      assert.equal(await readText(context, `${folder}/a/b`), 'x');
    },
  },
  {
    id: 'over-folder',
    title: 'a write over a folder is invalid and changes nothing',
    async run(context) {
      const folder = await folderOf(context, 'over');
      await writeFile(context, `${folder}/inside`, 'x');
      await refused('invalid', context.box.files.write(folder, bytesOf('x')), 'over a folder');
      await refused('invalid', context.box.files.write('', bytesOf('x')), 'over the root');
      assert.deepEqual(await names(context, folder), ['inside']);
    },
  },
  {
    id: 'shell-agrees',
    title: 'commands and files see the same content',
    async run(context) {
      const folder = await folderOf(context, 'agree');
      await prepare(context, `printf 'by the shell' > ${folder}/a`);
      assert.equal(await readText(context, `${folder}/a`), 'by the shell');
      await writeFile(context, `${folder}/b`, 'by the box');
      assert.equal(await prepare(context, `cat ${folder}/b`), 'by the box');
    },
  },
  {
    id: 'paths',
    title: 'the root has two names, and empty and single-dot parts mean nothing',
    async run(context) {
      const folder = await folderOf(context, 'paths');
      await writeFile(context, `${folder}/file`, 'x');
      assert.equal(await readText(context, `./${folder}//./file`), 'x');
      for (const root of ['', '.']) {
        const entry = await context.box.files.stat(root);
        assert.deepEqual([entry?.kind, entry?.path], ['dir', ''], `the root as ${JSON.stringify(root)}`);
        assert.ok((await names(context, root)).includes(folder));
      }
    },
  },
  {
    id: 'odd-names',
    title: 'names with newlines, dashes, quotes and umlauts are names like any other',
    async run(context) {
      const { files } = context.box;
      const folder = await folderOf(context, 'odd');
      for (const name of ODD_NAMES) await writeFile(context, `${folder}/${name}`, name);
      assert.deepEqual(await names(context, folder), [...ODD_NAMES].sort());
      for (const name of ODD_NAMES) {
        const path = `${folder}/${name}`;
        assert.equal(await readText(context, path), name);
        const entry = await files.stat(path);
        assert.deepEqual([entry?.name, entry?.path, entry?.kind], [name, path, 'file']);
        await files.move(path, `${path}.moved`);
        await files.remove(`${path}.moved`);
        await files.mkdir(path);
        await files.remove(path);
      }
      assert.deepEqual(await names(context, folder), []);
    },
  },
  {
    id: 'list',
    title: 'a list tells names, kinds, sizes and paths, and describes links without following them',
    sdk: [42],
    async run(context) {
      const folder = await folderOf(context, 'list');
      await writeFile(context, `${folder}/file`, '12345');
      await context.box.files.mkdir(`${folder}/folder`);
      await prepare(context, `ln -s folder ${folder}/link; ln -s /nowhere ${folder}/dangling`);
      const entries = [...(await context.box.files.list(folder))].sort((a, b) => (a.name < b.name ? -1 : 1));
      assert.deepEqual(
        entries.map(({ name, path, kind, target }) => ({ name, path, kind, target })),
        [
          { name: 'dangling', path: `${folder}/dangling`, kind: 'symlink', target: '/nowhere' },
          { name: 'file', path: `${folder}/file`, kind: 'file', target: undefined },
          { name: 'folder', path: `${folder}/folder`, kind: 'dir', target: undefined },
          { name: 'link', path: `${folder}/link`, kind: 'symlink', target: 'folder' },
        ],
      );
      assert.equal(entries[1]?.sizeBytes, 5);
      for (const { modifiedAt } of entries) assert.ok(Number.isFinite(modifiedAt.getTime()), 'no date');
    },
  },
  {
    id: 'list-errors',
    title: 'a list of what is not there is not-found, of a file or a link invalid, and never just empty',
    sdk: [42],
    async run(context) {
      const file = await writeFile(context, context.unique('file'), 'x');
      await refused('not-found', context.box.files.list(`${file}.missing`), 'a missing folder');
      await refused('invalid', context.box.files.list(file), 'a file');
      await prepare(context, `ln -s . ${file}.link`);
      await refused('invalid', context.box.files.list(`${file}.link`), 'a link to a folder');
      assert.deepEqual(await context.box.files.list(await folderOf(context, 'empty')), []);
    },
  },
  {
    id: 'list-many',
    title: 'a folder with 500 names is listed whole',
    async run(context) {
      const folder = await folderOf(context, 'many');
      const all = Array.from({ length: 500 }, (_, index) => `name-${index}`);
      await Promise.all(all.map((name) => writeFile(context, `${folder}/${name}`, name)));
      assert.deepEqual(await names(context, folder), [...all].sort());
    },
  },
  {
    id: 'stat-missing',
    title: 'stat of what is not there is null, and no error',
    sdk: [43],
    async run(context) {
      const { files } = context.box;
      const name = context.unique('missing');
      assert.equal(await files.stat(name), null);
      assert.equal(await files.stat(`${name}/deeper`), null);
      await refused(['invalid', 'denied'], files.stat('../x'), 'stat outside');
    },
  },
  {
    id: 'stat-kinds',
    title: 'stat tells a file from a folder from a link',
    sdk: [44],
    async run(context) {
      const { files } = context.box;
      const folder = await folderOf(context, 'kinds');
      await writeFile(context, `${folder}/file`, 'x');
      await prepare(context, `ln -s file ${folder}/link`);
      assert.equal((await files.stat(folder))?.kind, 'dir');
      assert.equal((await files.stat(`${folder}/file`))?.kind, 'file');
      const link = await files.stat(`${folder}/link`);
      assert.deepEqual([link?.kind, link?.target], ['symlink', 'file']);
    },
  },
  {
    id: 'move',
    title: 'a move takes the file, its mode and its bytes, and leaves nothing behind',
    async run(context) {
      const { files } = context.box;
      const folder = await folderOf(context, 'move');
      await files.write(`${folder}/from`, bytesOf('x'), { mode: 0o700 });
      await refused('not-found', files.move(`${folder}/from`, `${folder}/deep/to`), 'into a missing folder');
      await files.move(`${folder}/from`, `${folder}/deep/to`, { createParents: true });
      assert.deepEqual(await names(context, folder), ['deep']);
      assert.equal(await readText(context, `${folder}/deep/to`), 'x');
      assert.equal((await files.stat(`${folder}/deep/to`))?.mode, 0o700);
      await files.move(`${folder}/deep`, `${folder}/other`);
      assert.equal(await readText(context, `${folder}/other/to`), 'x');
    },
  },
  {
    id: 'move-conflict',
    title: 'a move onto something is a conflict, unless it may overwrite a file',
    async run(context) {
      const { files } = context.box;
      const folder = await folderOf(context, 'conflict');
      await writeFile(context, `${folder}/a`, 'a');
      await writeFile(context, `${folder}/b`, 'b');
      await refused('conflict', files.move(`${folder}/a`, `${folder}/b`));
      assert.equal(await readText(context, `${folder}/b`), 'b');
      await files.move(`${folder}/a`, `${folder}/b`, { overwrite: true });
      assert.equal(await readText(context, `${folder}/b`), 'a');
      assert.deepEqual(await names(context, folder), ['b']);
      await files.mkdir(`${folder}/full/inside`, { recursive: true });
      const over = files.move(`${folder}/b`, `${folder}/full`, { overwrite: true });
      await refused(['conflict', 'invalid'], over, 'over a folder with content');
      assert.deepEqual(await names(context, folder), ['b', 'full']);
    },
  },
  {
    id: 'move-refused',
    title: 'a move of nothing is not-found, into itself invalid, of the root invalid',
    async run(context) {
      const { files } = context.box;
      const folder = await folderOf(context, 'refused');
      await refused('not-found', files.move(`${folder}/missing`, `${folder}/to`));
      await refused('invalid', files.move(folder, `${folder}/inside`));
      await refused('invalid', files.move('', `${folder}/root`));
      assert.deepEqual(await names(context, folder), []);
    },
  },
  {
    id: 'move-race',
    title: 'of two moves to one free name exactly one wins, and nothing is lost',
    async run(context) {
      const folder = await folderOf(context, 'race');
      for (const name of ['a', 'b']) await writeFile(context, `${folder}/${name}`, name);
      const moves = ['a', 'b'].map((name) => context.box.files.move(`${folder}/${name}`, `${folder}/to`));
      assert.deepEqual([...(await outcomes(moves))].sort(), ['conflict', 'ok']);
      const left = await names(context, folder);
      assert.equal(left.length, 2);
      const contents = await Promise.all(left.map((name) => readText(context, `${folder}/${name}`)));
      assert.deepEqual([...contents].sort(), ['a', 'b']);
    },
  },
  {
    id: 'remove',
    title: 'remove takes files and empty folders, and full folders only with recursive',
    async run(context) {
      const { files } = context.box;
      const folder = await folderOf(context, 'remove');
      await files.write(`${folder}/full/a/b`, bytesOf('x'), { createParents: true });
      await refused('invalid', files.remove(`${folder}/full`));
      assert.equal(await readText(context, `${folder}/full/a/b`), 'x');
      await files.remove(`${folder}/full/a/b`);
      await files.remove(`${folder}/full/a`);
      await writeFile(context, `${folder}/full/again`, 'x');
      await files.remove(`${folder}/full`, { recursive: true });
      assert.deepEqual(await names(context, folder), []);
    },
  },
  {
    id: 'remove-refused',
    title: 'remove of nothing is not-found, of the root invalid',
    async run(context) {
      const { files } = context.box;
      const kept = await writeFile(context, context.unique('kept'), 'x');
      await refused('not-found', files.remove(`${kept}.missing`));
      await refused('not-found', files.remove(`${kept}.missing`, { recursive: true }));
      await refused('invalid', files.remove('', { recursive: true }));
      await refused('invalid', files.remove('.', { recursive: true }));
      assert.equal(await readText(context, kept), 'x');
    },
  },
  {
    id: 'remove-link',
    title: 'remove and move act on a link and leave what it leads to',
    async run(context) {
      const { files } = context.box;
      const folder = await folderOf(context, 'links');
      await files.write(`${folder}/target/kept`, bytesOf('x'), { createParents: true });
      await prepare(context, `ln -s target ${folder}/one; ln -s target ${folder}/two`);
      await files.remove(`${folder}/one`, { recursive: true });
      await files.move(`${folder}/two`, `${folder}/three`);
      assert.deepEqual(await names(context, folder), ['target', 'three']);
      assert.equal((await files.stat(`${folder}/three`))?.target, 'target');
      assert.equal(await readText(context, `${folder}/target/kept`), 'x');
    },
  },
  {
    id: 'mkdir',
    title: 'mkdir makes one folder, with recursive all of them, and tells when the name is taken',
    async run(context) {
      const { files } = context.box;
      const folder = await folderOf(context, 'mkdir');
      await files.mkdir(`${folder}/a`);
      await refused('conflict', files.mkdir(`${folder}/a`), 'a second time');
      await files.mkdir(`${folder}/a`, { recursive: true });
      await refused('not-found', files.mkdir(`${folder}/b/c`), 'below nothing');
      await files.mkdir(`${folder}/b/c/d`, { recursive: true });
      assert.equal((await files.stat(`${folder}/b/c/d`))?.kind, 'dir');
      await writeFile(context, `${folder}/file`, 'x');
      await refused('conflict', files.mkdir(`${folder}/file`), 'over a file');
      await refused('conflict', files.mkdir(`${folder}/file`, { recursive: true }), 'over a file, recursive');
      assert.equal(await readText(context, `${folder}/file`), 'x');
    },
  },
  {
    id: 'atomic',
    title: 'readers beside a writer see one whole content or the other, never a mixture',
    async run(context) {
      const { files } = context.box;
      const name = context.unique('torn');
      const contents = [new Uint8Array(300_000).fill(1), new Uint8Array(300_000).fill(2)];
      await files.write(name, contents[0]!);
      let writing = true;
      const writer = (async () => {
        for (let round = 0; round < 24; round++) await files.write(name, contents[round % 2]!);
      })().finally(() => {
        writing = false;
      });
      const whole = (bytes: Uint8Array, how: string) => {
        assert.equal(bytes.length, 300_000, `${how} is short`);
        assert.ok(
          bytes.every((byte) => byte === bytes[0]),
          `${how} is torn`,
        );
      };
      const readers = [
        async () => whole(await files.read(name), 'a read'),
        async () => whole(await readStream((await files.open(name)).stream), 'a stream'),
      ].map(async (read) => {
        do await read();
        while (writing);
      });
      await Promise.all([writer, ...readers]);
    },
  },
  {
    id: 'shared-names',
    title: 'twenty writes to different files of one folder all land',
    async run(context) {
      const folder = context.unique('parallel');
      const all = Array.from({ length: 20 }, (_, index) => `${folder}/sub-${index % 3}/file-${index}`);
      await Promise.all(
        all.map((name) => context.box.files.write(name, bytesOf(name), { createParents: true })),
      );
      for (const name of all) assert.equal(await readText(context, name), name);
    },
  },
  {
    id: 'errors',
    title: 'each refusal has its code and names nothing was begun',
    async run(context) {
      const { files } = context.box;
      const folder = await folderOf(context, 'errors');
      await writeFile(context, `${folder}/file`, 'x');
      const missing = `${folder}/missing`;
      const table: readonly (readonly [string, string, () => Promise<unknown>])[] = [
        ['read missing', 'not-found', () => files.read(missing)],
        ['read folder', 'invalid', () => files.read(folder)],
        ['read below a file', 'invalid', () => files.read(`${folder}/file/x`)],
        ['open missing', 'not-found', () => files.open(missing)],
        ['open folder', 'invalid', () => files.open(folder)],
        ['version folder', 'invalid', () => files.version(folder)],
        ['list below a file', 'invalid', () => files.list(`${folder}/file/x`)],
        ['write below a file', 'invalid', () => files.write(`${folder}/file/x`, bytesOf('x'))],
        [
          'write below a file with parents',
          'invalid',
          () => files.write(`${folder}/file/x`, bytesOf('x'), { createParents: true }),
        ],
        ['mkdir below a file', 'invalid', () => files.mkdir(`${folder}/file/x`)],
        ['remove missing', 'not-found', () => files.remove(missing)],
        ['move missing', 'not-found', () => files.move(missing, `${folder}/to`)],
        ['name of 300 bytes', 'invalid', () => files.write('n'.repeat(300), bytesOf('x'))],
        ['path of 5000 bytes', 'invalid', () => files.read('p/'.repeat(2500))],
      ];
      for (const [what, code, call] of table) {
        const error = await refused(code as 'invalid', call(), what);
        assert.equal(error.retryable, false, `${what} is called retryable`);
      }
      assert.deepEqual(await names(context, folder), ['file']);
    },
  },
]);
