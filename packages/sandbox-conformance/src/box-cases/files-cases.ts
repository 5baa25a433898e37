// What a file holds: written whole, read whole or in ranges, as bytes.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Bytes } from '@boxyard/sandbox-core';
import { type BoxCase, casesOf } from '../case/box-case.ts';
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

import { folderOf, names, readStream, streamOf } from '../case/file-steps.ts';

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
        const one = contents.some((content) => Buffer.compare(bytes, content) === 0);
        assert.ok(one, `${how} of ${bytes.length} bytes is neither of the two contents`);
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
]);
