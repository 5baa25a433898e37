import assert from 'node:assert/strict';
import { type AgentsSessionCase, contentOf, prepareFile, refusedWith } from './agents-session-case.ts';

const NOT_FOUND = ['ENOENT', 'workspace_read_not_found'];
const OUTSIDE = ['invalid_manifest_path'];
const PNG = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 255, 128, 10]);

export const FILE_CASES: readonly AgentsSessionCase[] = [
  {
    number: 30,
    title: 'a created file has its folders made and the final newline that its diff has',
    async run(context) {
      const { session, unique } = context;
      const path = `${unique('made')}/x.txt`;
      const bare = unique('bare');
      const editor = session.createEditor();
      await editor.createFile({ type: 'create_file', path, diff: '+x\n+y\n' });
      assert.equal(await contentOf(context, path), 'x\ny\n');
      await editor.createFile({ type: 'create_file', path: bare, diff: '+x\n+y' });
      assert.equal(await contentOf(context, bare), 'x\ny');
    },
  },
  {
    number: 31,
    title: 'creating what exists is refused and changes nothing',
    async run(context) {
      const path = context.unique('there');
      await prepareFile(context, path, 'old');
      const editor = context.session.createEditor();
      await refusedWith(['EEXIST'], () => editor.createFile({ type: 'create_file', path, diff: '+new\n' }));
      assert.equal(await contentOf(context, path), 'old');
    },
  },
  {
    number: 32,
    title: 'an update changes what it names; one whose context is not there changes nothing',
    async run(context) {
      const path = context.unique('updated');
      await prepareFile(context, path, 'one\ntwo\nthree\n');
      const editor = context.session.createEditor();
      await editor.updateFile({ type: 'update_file', path, diff: '@@\n one\n-two\n+zwei\n three\n' });
      assert.equal(await contentOf(context, path), 'one\nzwei\nthree\n');
      await assert.rejects(async () =>
        editor.updateFile({ type: 'update_file', path, diff: '@@\n nowhere\n-two\n+x\n' }),
      );
      assert.equal(await contentOf(context, path), 'one\nzwei\nthree\n');
    },
  },
  {
    number: 33,
    title: 'updating what is missing is not found',
    async run({ session, unique }) {
      const operation = { type: 'update_file', path: unique('missing'), diff: '@@\n-a\n+b\n' } as const;
      await refusedWith(NOT_FOUND, () => session.createEditor().updateFile(operation));
    },
  },
  {
    number: 34,
    title: 'a moved file is at its new place only, with its mode',
    async run(context) {
      const { session, box, unique } = context;
      const path = unique('from');
      const moveTo = `${unique('to')}/deep/file`;
      await box.files.write(path, new TextEncoder().encode('a\nb\n'), { mode: 0o750 });
      const diff = '@@\n-a\n+A\n b\n';
      await session.createEditor().updateFile({ type: 'update_file', path, diff, moveTo });
      assert.equal(await contentOf(context, moveTo), 'A\nb\n');
      assert.equal((await box.files.stat(moveTo))?.mode, 0o750);
      assert.equal(await box.files.stat(path), null);
    },
  },
  {
    number: 35,
    title: 'a file is deleted; what is missing or a folder is not',
    async run(context) {
      const { session, box, unique } = context;
      const path = unique('deleted');
      const folder = unique('kept');
      await prepareFile(context, path, 'x');
      await box.files.mkdir(folder);
      const editor = session.createEditor();
      await editor.deleteFile({ type: 'delete_file', path });
      assert.equal(await box.files.stat(path), null);
      await refusedWith(NOT_FOUND, () => editor.deleteFile({ type: 'delete_file', path }));
      await refusedWith(['EISDIR'], () => editor.deleteFile({ type: 'delete_file', path: folder }));
      assert.equal((await box.files.stat(folder))?.kind, 'dir');
    },
  },
  {
    number: 36,
    title: 'updates at the same time all land, also on one file',
    async run(context) {
      const { session, unique } = context;
      const shared = unique('shared');
      const paths = Array.from({ length: 4 }, (_, index) => unique(`own-${index}`));
      await prepareFile(context, shared, 'a\nb\nc\n');
      for (const path of paths) await prepareFile(context, path, 'a\n');
      const editor = session.createEditor();
      const update = (path: string, diff: string) => editor.updateFile({ type: 'update_file', path, diff });
      await Promise.all([
        ...paths.map((path) => update(path, '@@\n-a\n+b\n')),
        update(shared, '@@\n-a\n+A\n b\n'),
        update(shared, '@@\n b\n-c\n+C\n'),
      ]);
      for (const path of paths) assert.equal(await contentOf(context, path), 'b\n');
      assert.equal(await contentOf(context, shared), 'A\nb\nC\n');
    },
  },
  {
    title: 'a file that is no text is not patched',
    async run(context) {
      const path = context.unique('binary');
      await prepareFile(context, path, Uint8Array.from([97, 10, 255, 254, 10]));
      const editor = context.session.createEditor();
      await refusedWith(['EINVAL'], () =>
        editor.updateFile({ type: 'update_file', path, diff: '@@\n-a\n+b\n' }),
      );
      assert.deepEqual([...(await context.box.files.read(path))], [97, 10, 255, 254, 10]);
    },
  },
  {
    number: 37,
    title: 'reading is exact, cut at maxBytes, and knows what is missing and what is a folder',
    async run(context) {
      const { session, box, unique } = context;
      const path = unique('bytes');
      const folder = unique('folder');
      const bytes = Uint8Array.from({ length: 1000 }, (_, index) => (index * 7) & 255);
      await prepareFile(context, path, bytes);
      await box.files.mkdir(folder);
      assert.deepEqual(await session.readFile({ path }), Uint8Array.from(bytes));
      assert.equal((await session.readFile({ path, maxBytes: 10 })).length, 10);
      await refusedWith(NOT_FOUND, () => session.readFile({ path: unique('missing') }));
      await refusedWith(['EISDIR'], () => session.readFile({ path: folder }));
    },
  },
  {
    number: 38,
    title: 'the root and paths with .. inside it are understood',
    async run(context) {
      const { session, unique } = context;
      const path = unique('here');
      await prepareFile(context, path, 'x');
      const { root } = session.state.manifest;
      for (const folder of ['', '.', root, `${root}/`]) {
        assert.ok(
          (await session.listDir({ path: folder })).some(({ name }) => name === path),
          folder,
        );
      }
      assert.equal(await session.pathExists(`not/there/../../${path}`), true);
    },
  },
  {
    number: 39,
    title: 'paths that lead out are refused for every use',
    async run({ session }) {
      const { root } = session.state.manifest;
      for (const path of ['../x', '/etc/passwd', `${root}/../etc/passwd`, `${root}x/y`]) {
        await refusedWith(OUTSIDE, () => session.readFile({ path }));
        await refusedWith(OUTSIDE, () => session.listDir({ path }));
        await refusedWith(OUTSIDE, () => session.pathExists(path));
        await refusedWith(OUTSIDE, () => session.directoryExists(path));
        await refusedWith(OUTSIDE, () => session.viewImage({ path }));
        await refusedWith(OUTSIDE, () =>
          session.createEditor().createFile({ type: 'create_file', path, diff: '+x' }),
        );
        await refusedWith(OUTSIDE, () =>
          session.materializeEntry({ path, entry: { type: 'file', content: '' } }),
        );
      }
    },
  },
  {
    number: 40,
    title: 'a backslash is no separator',
    async run({ session }) {
      await refusedWith(OUTSIDE, () => session.readFile({ path: 'a\\b' }));
    },
  },
  {
    number: 41,
    title: 'a link out of the workspace is refused for reading and writing, one inside is followed',
    needs: ['kernel'],
    async run(context) {
      const { session, box, unique } = context;
      const [target, inward, outward, folder] = [
        unique('target'),
        unique('in'),
        unique('out'),
        unique('etc'),
      ];
      await prepareFile(context, target, 'a\n');
      const script = `ln -s ${target} ${inward}; ln -s /etc/hostname ${outward}; ln -s /etc ${folder}`;
      await box.exec({ program: { script } });
      assert.equal(new TextDecoder().decode(await session.readFile({ path: inward })), 'a\n');
      const codes = ['path_resolution_error', ...OUTSIDE];
      await refusedWith(codes, () => session.readFile({ path: outward }));
      await refusedWith(codes, () => session.readFile({ path: `${folder}/hostname` }));
      const editor = session.createEditor();
      await refusedWith(codes, () =>
        editor.updateFile({ type: 'update_file', path: outward, diff: '@@\n-a\n+b\n' }),
      );
      await refusedWith(codes, () =>
        editor.createFile({ type: 'create_file', path: `${folder}/x`, diff: '+x' }),
      );
    },
  },
  {
    number: 42,
    title: 'a listing tells names, kinds and paths; a link is something else',
    async run(context) {
      const { session, box, unique } = context;
      const folder = unique('listed');
      await prepareFile(context, `${folder}/file`, 'x');
      await box.files.mkdir(`${folder}/dir`);
      const entries = await session.listDir({ path: folder });
      assert.deepEqual(
        entries.toSorted((left, right) => left.name.localeCompare(right.name)),
        [
          { name: 'dir', path: `${folder}/dir`, type: 'dir' },
          { name: 'file', path: `${folder}/file`, type: 'file' },
        ],
      );
      await refusedWith(NOT_FOUND, () => session.listDir({ path: unique('missing') }));
      await refusedWith(['ENOTDIR'], () => session.listDir({ path: `${folder}/file` }));
    },
  },
  {
    number: 43,
    title: 'whether something exists is true or false',
    async run(context) {
      const { session, unique } = context;
      const path = unique('exists');
      await prepareFile(context, path, '');
      assert.equal(await session.pathExists(path), true);
      assert.equal(await session.pathExists(unique('missing')), false);
      assert.equal(await session.directoryExists(''), true);
      assert.equal(await session.directoryExists(path), false);
    },
  },
  {
    number: 46,
    title: 'an image is bytes; what is none is told in the words that view_image knows',
    async run(context) {
      const { session, box, unique } = context;
      const [image, text, large, folder] = [unique('i.png'), unique('t'), unique('l.png'), unique('dir')];
      await prepareFile(context, image, PNG);
      await prepareFile(context, text, 'no image');
      const big = new Uint8Array(11 * 1024 * 1024);
      big.set(PNG);
      await prepareFile(context, large, big);
      await box.files.mkdir(folder);
      const { image: shown } = structuredClone(await session.viewImage({ path: image }));
      assert.ok(typeof shown === 'object' && 'data' in shown && shown.data instanceof Uint8Array);
      assert.deepEqual(shown.data, PNG);
      assert.equal(shown.mediaType, 'image/png');
      await assert.rejects(session.viewImage({ path: unique('missing') }), /not found/);
      await assert.rejects(session.viewImage({ path: folder }), /not a file/);
      await assert.rejects(session.viewImage({ path: large }), /exceeds the 10 MB limit/);
      await assert.rejects(session.viewImage({ path: text }), /[Uu]nsupported image format/);
    },
  },
];
