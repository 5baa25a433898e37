// The workspace as an archive: it comes back exactly, and a bad one changes nothing.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  type ArchiveManifest,
  type Bytes,
  DEFAULT_ARCHIVE_LIMITS,
  type UnpackOptions,
} from '@boxyard/sandbox-core';
import { type BoxCase, type BoxCaseContext, casesOf } from '../case/box-case.ts';
import {
  binary,
  bytesOf,
  eventually,
  prepare,
  readText,
  refused,
  sameBytes,
  use,
} from '../case/case-steps.ts';
import {
  bytesIn,
  file,
  folder,
  hardLink,
  link,
  streamOf,
  type TarMember,
  tarOf,
  zipped,
} from '../case/tar-fixture.ts';

interface Packed {
  readonly bytes: Bytes;
  readonly manifest: ArchiveManifest;
}

async function packed(context: BoxCaseContext, path: string, compression?: 'none' | 'gzip'): Promise<Packed> {
  const archive = await use(context, 'archives').pack({ path, compression, deadlineMs: context.waitMs });
  return { bytes: await bytesIn(archive.stream), manifest: await archive.manifest };
}

function unpack(
  context: BoxCaseContext,
  bytes: Bytes,
  options: Partial<UnpackOptions> & { readonly path: string },
) {
  return use(context, 'archives').unpack(streamOf(bytes), {
    mode: 'replace',
    deadlineMs: context.waitMs,
    ...options,
  });
}

/** A folder with one of everything that an archive has to bring back. */
async function furnished(context: BoxCaseContext): Promise<string> {
  const { files } = context.box;
  const base = context.unique('tree');
  await files.write(`${base}/sub/data`, binary(50_000), { createParents: true });
  await files.write(`${base}/tool`, bytesOf('#!/bin/sh\n'), { mode: 0o755 });
  await files.write(`${base}/private`, bytesOf('p'), { mode: 0o600 });
  await files.write(`${base}/empty-file`, new Uint8Array());
  await files.write(`${base}/two\nlines ü`, bytesOf('odd'));
  await files.write(`${base}/${'long-'.repeat(40)}/${'name-'.repeat(30)}`, bytesOf('long'), {
    createParents: true,
  });
  await files.mkdir(`${base}/empty-folder`);
  await prepare(context, `ln -s sub/data ${base}/link; ln -s nowhere ${base}/dangling`);
  return base;
}

/** What is below a folder, as text that can be compared. */
async function shape(context: BoxCaseContext, base: string): Promise<readonly string[]> {
  const { files } = context.box;
  const lines: string[] = [];
  const visit = async (path: string): Promise<void> => {
    for (const entry of await files.list(path)) {
      const name = entry.path.slice(base.length + 1);
      if (entry.kind === 'dir') {
        lines.push(`${name} dir ${entry.mode.toString(8)}`);
        await visit(entry.path);
      } else if (entry.kind === 'symlink') lines.push(`${name} -> ${entry.target}`);
      else {
        const digest = createHash('sha256')
          .update(await files.read(entry.path))
          .digest('hex');
        lines.push(`${name} ${entry.kind} ${entry.mode.toString(8)} ${digest}`);
      }
    }
  };
  await visit(base);
  return lines.sort();
}

/** An unpack that has to be refused and to leave everything as it was, also beside the target. */
async function refusedIntact(
  context: BoxCaseContext,
  what: string,
  bytes: Bytes,
  options: Partial<UnpackOptions> & { readonly codes?: readonly ('invalid' | 'too-large' | 'quota')[] } = {},
): Promise<void> {
  const parent = context.unique('intact');
  const path = `${parent}/target`;
  await context.box.files.write(`${path}/kept`, bytesOf('kept'), { createParents: true });
  const { codes = ['invalid'], ...rest } = options;
  for (const mode of ['replace', 'merge'] as const) {
    await refused(codes, unpack(context, bytes, { ...rest, path, mode }), `${what} (${mode})`);
    assert.deepEqual(
      await shape(context, parent),
      [`target dir 755`, `target/kept file 644 ${createHash('sha256').update('kept').digest('hex')}`],
      `${what} (${mode}) changed something`,
    );
  }
}

const HOSTILE: readonly (readonly [string, readonly TarMember[]])[] = [
  ['a member that climbs out', [file('../evil', 'x')]],
  ['a member that climbs out from below', [folder('a'), file('a/../../evil', 'x')]],
  ['an absolute member', [file('/tmp/evil', 'x')]],
  ['a link to an absolute path', [link('out', '/etc')]],
  ['a link that climbs out', [link('out', '../../..')]],
  ['a member below a link that leads out', [link('out', '/tmp'), file('out/evil', 'x')]],
  ['a member below a link that stays inside', [folder('in'), link('to', 'in'), file('to/x', 'x')]],
  ['a hard link that climbs out', [hardLink('hard', '../../../etc/passwd')]],
  ['a hard link to an absolute path', [hardLink('hard', '/etc/passwd')]],
  ['the same name twice', [file('twice', 'a'), file('twice', 'b')]],
  ['a device', [{ header: { name: 'null', type: 'character-device', devmajor: 1, devminor: 3 } }]],
];

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
    id: 'corrupt',
    title: 'a damaged archive is invalid and leaves the workspace as it was',
    sdk: [59],
    needs: 'archives',
    async run(context) {
      const { bytes } = await packed(context, await furnished(context));
      for (const part of [0.1, 0.5, 0.9]) {
        const damaged = bytes.slice();
        const at = Math.floor(damaged.length * part);
        for (let index = at; index < at + 16; index++) damaged[index] = damaged[index]! ^ 0x5a;
        await refusedIntact(context, `damaged at ${part}`, damaged);
      }
      await refusedIntact(context, 'no archive at all', binary(5000));
      await refusedIntact(context, 'nothing', new Uint8Array());
    },
  },
  {
    id: 'truncated',
    title: 'a zipped archive that was cut off anywhere is invalid and leaves the workspace as it was',
    sdk: [59],
    needs: 'archives',
    async run(context) {
      const { bytes } = await packed(context, await furnished(context));
      for (const length of [1, 10, Math.floor(bytes.length / 2), bytes.length - 20, bytes.length - 1]) {
        await refusedIntact(context, `cut at ${length} of ${bytes.length}`, bytes.slice(0, length));
      }
    },
  },
  {
    id: 'truncated-between',
    title: 'an archive of ours that was cut off between two members is recognised as incomplete',
    sdk: [59],
    needs: 'archives',
    async run(context) {
      const base = context.unique('cut');
      for (const name of ['a', 'b', 'c']) {
        await context.box.files.write(`${base}/${name}`, bytesOf(name), { createParents: true });
      }
      const { bytes } = await packed(context, base, 'none');
      // The last two blocks are the end mark, which some writers leave out.
      const blocks = bytes.length / 512 - 3;
      for (let block = 1; block < blocks; block += Math.max(1, Math.floor(blocks / 8))) {
        await refusedIntact(context, `cut after block ${block}`, bytes.slice(0, block * 512));
      }
    },
  },
  {
    id: 'changed-content',
    title: 'an archive of ours whose content is not what its manifest says is invalid',
    sdk: [59],
    needs: 'archives',
    async run(context) {
      const base = context.unique('changed');
      await context.box.files.write(`${base}/a`, bytesOf('find-this-content'), { createParents: true });
      const { bytes } = await packed(context, base, 'none');
      const at = Buffer.from(bytes).indexOf('find-this-content');
      assert.ok(at > 0, 'an uncompressed archive does not hold the bytes');
      const changed = bytes.slice();
      changed[at] = 'F'.charCodeAt(0);
      await refusedIntact(context, 'changed content', changed);
    },
  },
  ...HOSTILE.map(([what, members], index) => ({
    id: `hostile-${index + 1}`,
    title: `${what} is refused and leaves the workspace as it was`,
    sdk: [60],
    needs: 'archives' as const,
    async run(context: BoxCaseContext) {
      await refusedIntact(context, what, await tarOf([file('honest', 'x'), ...members]));
      const made = await prepare(
        context,
        'test -e /tmp/evil && echo made; test -e ../evil && echo made; true',
      );
      assert.equal(made, '', 'something was made outside');
    },
  })),
  {
    id: 'limits',
    title: 'an archive over a limit is refused and leaves the workspace as it was',
    sdk: [61],
    needs: 'archives',
    async run(context) {
      const members = [file('a', '12345'), file('b', '67890'), folder('some/long/path/of/folders')];
      const bytes = zipped(await tarOf(members));
      const codes = ['too-large', 'invalid'] as const;
      for (const limit of [
        { maxEntries: 2 },
        { maxFileBytes: 4 },
        { maxTotalBytes: 9 },
        { maxPathBytes: 10 },
      ]) {
        const limits = { ...DEFAULT_ARCHIVE_LIMITS, ...limit };
        await refusedIntact(context, JSON.stringify(limit), bytes, { codes, limits });
      }
      const bomb = zipped(await tarOf([file('zeros', '\0'.repeat(2_000_000))]));
      const limits = { ...DEFAULT_ARCHIVE_LIMITS, maxTotalBytes: 1_000_000 };
      await refusedIntact(context, 'a small archive of much', bomb, { codes, limits });
      const path = context.unique('fits');
      await context.box.files.mkdir(path);
      await unpack(context, bytes, {
        path,
        limits: { ...DEFAULT_ARCHIVE_LIMITS, maxTotalBytes: 10, maxFileBytes: 5 },
      });
      assert.equal(await readText(context, `${path}/b`), '67890');
    },
  },
  {
    id: 'bad-limits',
    title: 'limits that are no limits are invalid',
    sdk: [62],
    needs: 'archives',
    async run(context) {
      const bytes = await tarOf([file('a', 'x')]);
      for (const limit of [{ maxEntries: -1 }, { maxFileBytes: Number.NaN }, { maxTotalBytes: 0.5 }]) {
        await refusedIntact(context, JSON.stringify(limit), bytes, {
          limits: { ...DEFAULT_ARCHIVE_LIMITS, ...limit },
        });
      }
    },
  },
  {
    id: 'outward-links',
    title: 'a link that leads out is packed as a link, and comes back only where it is allowed',
    needs: 'archives',
    async run(context) {
      const base = context.unique('outward');
      await context.box.files.write(`${base}/file`, bytesOf('x'), { createParents: true });
      await prepare(context, `ln -s /etc/passwd ${base}/out`);
      const { bytes, manifest } = await packed(context, base);
      assert.equal(manifest.entries.find((entry) => entry.path === 'out')?.kind, 'symlink');
      await refusedIntact(context, 'a link that leads out', bytes);
      await context.box.files.remove(`${base}/out`);
      await unpack(context, bytes, { path: base, allowOutwardLinks: true });
      assert.equal((await context.box.files.stat(`${base}/out`))?.target, '/etc/passwd');
      await refused('denied', context.box.files.read(`${base}/out`));
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
    id: 'cancelled',
    title: 'an unpack whose sender stops is cancelled and leaves the workspace as it was',
    needs: 'archives',
    async run(context) {
      const parent = context.unique('cancelled');
      await context.box.files.write(`${parent}/target/kept`, bytesOf('kept'), { createParents: true });
      const before = await shape(context, parent);
      const tar = await tarOf([file('a', 'x'.repeat(5000)), file('b', 'y')]);
      const controller = new AbortController();
      const stalled = new ReadableStream<Bytes>({ start: (to) => to.enqueue(tar.slice(0, 4000)) });
      const pending = use(context, 'archives').unpack(stalled, {
        path: `${parent}/target`,
        mode: 'replace',
        signal: controller.signal,
      });
      pending.catch(() => undefined);
      await prepare(context, 'true');
      controller.abort();
      await refused('cancelled', pending);
      await eventually(context, 'nothing of it is left', async () => {
        return JSON.stringify(await shape(context, parent)) === JSON.stringify(before);
      });
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
