// Archives that are damaged, hostile or too large: they are refused whole and change nothing.
import assert from 'node:assert/strict';
import { type Bytes, DEFAULT_ARCHIVE_LIMITS } from '@boxyard/sandbox-core';
import { furnished, packed, refusedIntact, shape, unpack } from '../case/archive-steps.ts';
import { type BoxCase, type BoxCaseContext, casesOf } from '../case/box-case.ts';
import { binary, bytesOf, eventually, prepare, readText, refused, use } from '../case/case-steps.ts';
import { file, folder, hardLink, link, type TarMember, tarOf, zipped } from '../case/tar-fixture.ts';

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
export const BAD_ARCHIVES_CASES: readonly BoxCase[] = casesOf('archives', [
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
]);
