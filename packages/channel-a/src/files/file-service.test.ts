import { createHash } from 'node:crypto';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  FsDeleteRequest,
  FsListRequest,
  FsListResponse,
  FsMkdirRequest,
  FsMoveRequest,
  FsReadRequest,
  FsReadResponse,
  type FsTreeNode,
  FsWriteRequest,
  FsWriteResponse,
  SessionEvent,
} from '@boxyard/contracts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openTestBox, type TestBox } from '../../test/local-box.ts';
import { MemoryStore } from '../../test/memory-store.ts';
import type { OpenedContent } from './file-content.ts';
import { FileService } from './file-service.ts';

let test: TestBox;
let store: MemoryStore;
let files: FileService;

beforeAll(async () => {
  test = await openTestBox();
});
afterAll(async () => {
  await test[Symbol.asyncDispose]();
});
beforeEach(() => {
  store = new MemoryStore();
  files = new FileService({ box: test.box, journal: store.journal(test.groupId) });
});
afterEach(async () => {
  for (const { path } of await test.box.files.list(''))
    await test.box.files.remove(path, { recursive: true });
});

const write = async (path: string, content = path, more: object = {}) =>
  FsWriteResponse.parse(await files.write(FsWriteRequest.parse({ path, content, ...more })));
const read = async (path: string, more: object = {}) =>
  FsReadResponse.parse(await files.read(FsReadRequest.parse({ path, ...more })));
const list = async (request: object = {}) =>
  FsListResponse.parse(await files.list(FsListRequest.parse(request)));
const changes = () => store.told('fs.changed').map(({ changes, source }) => ({ changes, source }));
const streamOf = (...chunks: string[]) =>
  ReadableStream.from(chunks.map((chunk) => new TextEncoder().encode(chunk)));
const textOf = (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => new Response(stream).text();
const sha256 = (content: string) => createHash('sha256').update(content).digest('hex');

const shape = (node: FsTreeNode): unknown =>
  node.children === undefined
    ? node.name
    : { [node.name]: node.children === null ? null : node.children.map(shape) };

describe('list', () => {
  it('answers directories first, then names, down to the asked depth', async () => {
    for (const path of ['b/two/deep', 'b/one', 'a.txt', 'B.txt', '.hidden/x', 'Z/z']) await write(path);
    await symlink('a.txt', join(test.box.workspaceRoot, 'link'));
    const { root, truncated } = await list({ depth: 2 });
    expect(truncated).toBe(false);
    expect(shape(root)).toEqual({
      '': [{ '.hidden': ['x'] }, { Z: ['z'] }, { b: [{ two: null }, 'one'] }, 'B.txt', 'a.txt', 'link'],
    });
    expect(root.children!.at(-1)).toMatchObject({ kind: 'symlink', target: 'a.txt' });
    expect(shape((await list({ includeHidden: false })).root)).toEqual({
      '': [{ Z: null }, { b: null }, 'B.txt', 'a.txt', 'link'],
    });
    expect(shape((await list({ depth: 0 })).root)).toEqual({ '': null });
    expect(shape((await list({ path: 'b' })).root)).toEqual({ b: [{ two: null }, 'one'] });
  });

  it('cuts the deepest names first and says where', async () => {
    for (const path of ['a/1', 'a/2', 'b/1', 'c']) await write(path);
    const { root, truncated } = await list({ depth: 2, maxEntries: 4 });
    expect(truncated).toBe(true);
    expect(shape(root)).toEqual({ '': [{ a: ['1'] }, { b: null }, 'c'] });
    expect(root.children!.map((child) => child.truncated)).toEqual([true, true, undefined]);
  });

  it('fails for what is not there or no directory', async () => {
    await write('file');
    await expect(list({ path: 'missing' })).rejects.toMatchObject({ code: 'not-found' });
    await expect(list({ path: 'file' })).rejects.toMatchObject({ code: 'invalid' });
  });

  it('never follows a link that leaves the workspace', async () => {
    await symlink('/etc', join(test.box.workspaceRoot, 'out'));
    expect((await list()).root.children).toMatchObject([{ kind: 'symlink', target: '/etc' }]);
    await expect(list({ path: 'out' })).rejects.toMatchObject({
      code: expect.stringMatching(/denied|invalid/),
    });
    await expect(read('out/passwd')).rejects.toMatchObject({ code: 'denied' });
    await expect(write('out/new')).rejects.toMatchObject({ code: 'denied' });
  });
});

describe('every path', () => {
  it.each(['/etc/passwd', '../x', 'a/../../x', 'a\0b'])(
    '%j is refused before anything is done',
    async (path) => {
      const refused = expect.objectContaining({ code: 'invalid', started: 'no' });
      await expect(list({ path })).rejects.toEqual(refused);
      await expect(files.stat(path)).rejects.toEqual(refused);
      await expect(read(path)).rejects.toEqual(refused);
      await expect(write(path)).rejects.toEqual(refused);
      await expect(files.delete({ path, recursive: true })).rejects.toEqual(refused);
      await expect(files.move(FsMoveRequest.parse({ path: 'a', newPath: path }))).rejects.toEqual(refused);
      await expect(files.mkdir(FsMkdirRequest.parse({ path }))).rejects.toEqual(refused);
      await expect(files.openContent({ path })).rejects.toEqual(refused);
      await expect(files.writeContent({ path, content: streamOf('x') })).rejects.toEqual(refused);
      expect(store.logged).toEqual([]);
    },
  );
});

describe('read and write', () => {
  it('gives back what was written, with the same etag and a growing revision', async () => {
    const written = await write('dir/grün.txt', 'grün\n');
    expect(written).toEqual({
      path: 'dir/grün.txt',
      sizeBytes: 6,
      etag: `sha256-${sha256('grün\n')}`,
      revision: 1,
    });
    expect(await read('dir/grün.txt')).toEqual({
      path: 'dir/grün.txt',
      encoding: 'utf8',
      content: 'grün\n',
      sizeBytes: 6,
      totalBytes: 6,
      truncated: false,
      isBinary: false,
      etag: written.etag,
      revision: 1,
    });
    expect((await write('dir/grün.txt', 'x')).revision).toBe(2);
    expect(changes()).toEqual([
      { changes: [{ path: 'dir/grün.txt', kind: 'created', isDir: false, sizeBytes: 6 }], source: 'write' },
      { changes: [{ path: 'dir/grün.txt', kind: 'modified', isDir: false, sizeBytes: 1 }], source: 'write' },
    ]);
  });

  it('reads a text part by part without cutting a character', async () => {
    const text = 'aü€𝄞'.repeat(50);
    await write('text', text);
    let content = '';
    for (let offset = 0; ; ) {
      const part = await read('text', { offset, maxBytes: 7 });
      expect(part).toMatchObject({ encoding: 'utf8', isBinary: false });
      content += part.content;
      offset += part.sizeBytes;
      if (!part.truncated) break;
    }
    expect(content).toBe(text);
  });

  it('answers bytes that are no text as base64, wherever the part begins', async () => {
    const bytes = Buffer.concat([Buffer.alloc(10, 0), Buffer.from('text')]);
    await write('binary', bytes.toString('base64'), { encoding: 'base64' });
    expect(await read('binary')).toMatchObject({ isBinary: true, encoding: 'base64', totalBytes: 14 });
    expect(await read('binary', { offset: 10 })).toMatchObject({ isBinary: true, content: 'dGV4dA==' });
  });

  it('writes only over the file that was meant', async () => {
    const { etag } = await write('a', '1');
    await expect(write('a', '2', { overwrite: false })).rejects.toMatchObject({ code: 'conflict' });
    const next = await write('a', '2', { ifMatch: etag });
    await expect(write('a', '3', { ifMatch: etag })).rejects.toMatchObject({ code: 'precondition-failed' });
    await expect(write('no/parent', 'x', { createParents: false })).rejects.toMatchObject({
      code: 'not-found',
    });
    await expect(read('missing')).rejects.toMatchObject({ code: 'not-found' });
    expect((await read('a')).etag).toBe(next.etag);
    expect(store.revision).toBe(2);
  });

  it('says that a change was made when nobody could be told of it', async () => {
    const journal = { ...store.journal('g'), record: () => Promise.reject(new Error('no database')) };
    const untold = new FileService({ box: test.box, journal });
    await expect(untold.write(FsWriteRequest.parse({ path: 'a', content: '1' }))).rejects.toMatchObject({
      code: 'outcome-unknown',
      started: 'yes',
    });
    expect((await read('a')).content).toBe('1');
  });
});

describe('delete, move and mkdir', () => {
  it('tell what they did', async () => {
    await write('dir/a');
    expect((await files.mkdir(FsMkdirRequest.parse({ path: 'dir/new/deep' }))).revision).toBe(2);
    expect((await files.mkdir(FsMkdirRequest.parse({ path: 'dir/new' }))).revision).toBe(2);
    await files.move(FsMoveRequest.parse({ path: 'dir', newPath: 'moved/here' }));
    await expect(files.delete(FsDeleteRequest.parse({ path: 'moved' }))).rejects.toMatchObject({
      code: 'invalid',
    });
    expect(await files.delete(FsDeleteRequest.parse({ path: 'moved', recursive: true }))).toEqual({
      revision: 4,
    });
    expect(
      changes()
        .slice(1)
        .flatMap(({ changes }) => changes),
    ).toEqual([
      { path: 'dir/new/deep', kind: 'created', isDir: true, sizeBytes: null },
      { path: 'moved/here', kind: 'renamed', isDir: true, sizeBytes: null, oldPath: 'dir' },
      { path: 'moved', kind: 'deleted', isDir: true, sizeBytes: null },
    ]);
    for (const event of store.logged) {
      const sessionId = '019a9c00-0000-7000-8000-000000000000';
      SessionEvent.parse({ ...event, sessionId, at: event.at.toISOString(), payload: event.data });
    }
  });

  it('refuse what is not there or in the way', async () => {
    await write('a');
    await write('b');
    // One after the other: a promise that nobody waits for yet would be an unhandled rejection.
    for (const work of [
      () => files.delete({ path: 'missing', recursive: false }),
      () => files.move(FsMoveRequest.parse({ path: 'missing', newPath: 'c' })),
      () => files.stat('missing'),
    ]) {
      await expect(work()).rejects.toMatchObject({ code: 'not-found' });
    }
    await expect(files.move(FsMoveRequest.parse({ path: 'a', newPath: 'b' }))).rejects.toMatchObject({
      code: 'conflict',
    });
    expect(store.revision).toBe(2);
  });

  it('tell of a change to a repository as well', async () => {
    await write('repo/.git/HEAD', 'ref: refs/heads/main\n');
    expect(store.told('git.changed')).toEqual([{ path: 'repo' }]);
  });
});

describe('content', () => {
  const part = async (opened: OpenedContent) =>
    'stream' in opened ? { ...opened, stream: await textOf(opened.stream) } : opened;

  it('is streamed whole and in ranges, under the etag that JSON answers have', async () => {
    const etag = `sha256-${sha256('0123456789')}`;
    const content = streamOf('01234', '56789');
    expect(await files.writeContent({ path: 'dir/a', content })).toEqual({
      sizeBytes: 10,
      etag,
      revision: 1,
    });
    const open = async (request: object) => part(await files.openContent({ path: 'dir/a', ...request }));

    const whole = { kind: 'whole', stream: '0123456789', etag, sizeBytes: 10 };
    expect(await open({})).toEqual(whole);
    expect(await open({ range: 'bytes=0-1,4-5' })).toEqual(whole);
    const range = { kind: 'part', etag, sizeBytes: 10 };
    expect(await open({ range: 'bytes=2-4' })).toEqual({ ...range, stream: '234', first: 2, last: 4 });
    expect(await open({ range: 'bytes=8-' })).toEqual({ ...range, stream: '89', first: 8, last: 9 });
    expect(await open({ range: 'bytes=-3' })).toEqual({ ...range, stream: '789', first: 7, last: 9 });
    expect(await open({ range: 'bytes=-99' })).toMatchObject({ stream: '0123456789', first: 0, last: 9 });
    expect(await open({ range: 'bytes=10-' })).toEqual({ kind: 'unsatisfiable', sizeBytes: 10 });
    expect(await open({ range: 'bytes=2-4', ifRange: `"${etag}"` })).toMatchObject({ kind: 'part' });
    expect(await open({ range: 'bytes=2-4', ifRange: '"sha256-other"' })).toEqual(whole);
    expect(await open({ ifNoneMatch: `"x", "${etag}"` })).toEqual({ kind: 'not-modified', etag });
    await expect(open({ ifMatch: '"x"' })).rejects.toMatchObject({ code: 'precondition-failed' });
    expect(await open({ ifMatch: `"${etag}"` })).toEqual(whole);
    await expect(files.openContent({ path: 'missing' })).rejects.toMatchObject({ code: 'not-found' });
  });

  it('replaces a file only whole, checked and as expected', async () => {
    const { etag } = await write('a', 'old');
    const put = (request: object) => files.writeContent({ path: 'a', content: streamOf('new'), ...request });
    await expect(put({ expectedSha256: sha256('other') })).rejects.toMatchObject({ code: 'invalid' });
    await expect(put({ ifMatch: '"sha256-x"' })).rejects.toMatchObject({ code: 'precondition-failed' });
    await expect(put({ ifAbsent: true })).rejects.toMatchObject({ code: 'conflict' });
    const broken = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        controller.error(new Error('the connection is gone'));
      },
    });
    await expect(files.writeContent({ path: 'a', content: broken })).rejects.toThrow();
    expect(await read('a')).toMatchObject({ content: 'old', revision: 1 });
    expect(await put({ ifMatch: `"${etag}"`, expectedSha256: sha256('new') })).toMatchObject({ revision: 2 });
    expect(await put({ ifMatch: `"sha256-x", "sha256-${sha256('new')}"` })).toMatchObject({ revision: 3 });
    expect(await put({ ifMatch: '*' })).toMatchObject({ revision: 4 });
    await expect(put({ path: 'missing', ifMatch: '*' })).rejects.toMatchObject({
      code: 'precondition-failed',
    });
    expect((await list()).root.children).toHaveLength(1);
  });
});

describe('archives', () => {
  it('carry a folder out and into another one', async () => {
    await write('from/a', '1');
    await write('from/sub/b', '2');
    const packed = await files.packArchive('from');
    const report = await files.unpackArchive('to', packed);
    expect(report).toMatchObject({ files: 2, sizeBytes: 2, revision: 3 });
    expect((await read('to/sub/b')).content).toBe('2');
    expect(changes().at(-1)!.changes).toEqual([
      { path: 'to', kind: 'modified', isDir: true, sizeBytes: null },
    ]);
  });

  it('change nothing when they are damaged', async () => {
    await write('kept', '1');
    await expect(files.unpackArchive('', streamOf('this is no tar'))).rejects.toMatchObject({
      code: 'invalid',
    });
    expect(store.revision).toBe(1);
  });
});

describe('watch', () => {
  it('tells what changes, in batches, until it is aborted', async () => {
    const { box } = test;
    expect(box.capabilities.watch.available).toBe(true);
    await files.mkdir(FsMkdirRequest.parse({ path: 'dir' }));
    const stop = new AbortController();
    const seen: string[] = [];
    let written = 0;
    // The first look may come before the watch stands: something is written until it is seen.
    const writer = setInterval(() => {
      written += 1;
      void writeFile(join(box.workspaceRoot, 'dir', `f${written}`), '1');
    }, 50);
    try {
      for await (const batch of files.watch({ path: 'dir', recursive: true, signal: stop.signal })) {
        seen.push(...batch.map(({ path }) => path));
        if (seen.some((path) => /^dir\/f\d+$/.test(path))) stop.abort();
      }
    } finally {
      clearInterval(writer);
      stop.abort();
    }
    expect(seen.some((path) => /^dir\/f\d+$/.test(path))).toBe(true);
  });
});
