// Names and folders: what is there, and moving, removing and making it.
import assert from 'node:assert/strict';
import { type BoxCase, casesOf } from '../case/box-case.ts';
import { bytesOf, prepare, readText, refused, writeFile } from '../case/case-steps.ts';

import { folderOf, names, outcomes } from '../case/file-steps.ts';

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

export const FILE_TREE_CASES: readonly BoxCase[] = casesOf('files', [
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
