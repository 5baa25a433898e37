import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BlobStore, Bytes, ListedBlob } from '@boxyard/sandbox-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { folderBlobStore } from './folder-blob-store.ts';

const code = (name: string) => expect.objectContaining({ name: 'SandboxError', code: name });

let base: string;
let dir: string;
let store: BlobStore;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'boxyard-blobs-'));
  dir = join(base, 'blobs');
  store = folderBlobStore({ dir });
});

afterEach(async () => {
  await rm(base, { recursive: true, force: true });
});

const streamOf = (...parts: (string | Uint8Array)[]) =>
  ReadableStream.from(parts.map((part) => new Uint8Array(Buffer.from(part)))) as ReadableStream<Bytes>;

async function read(key: string): Promise<string | null> {
  const stream = await store.open(key);
  if (stream === null) return null;
  const chunks: Bytes[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString('latin1');
}

async function listed(prefix: string): Promise<string[]> {
  const blobs: ListedBlob[] = [];
  for await (const blob of store.list(prefix)) blobs.push(blob);
  return blobs.map((blob) => blob.key).sort();
}

const onDisk = () => (existsSync(dir) ? readdirSync(dir, { recursive: true }).map(String).sort() : []);

describe('folderBlobStore', () => {
  it('does nothing before it is used', async () => {
    expect(existsSync(dir)).toBe(false);
    expect(await store.open('a')).toBeNull();
    await store.delete('a');
    expect(await listed('')).toEqual([]);
    expect(existsSync(dir)).toBe(false);
  });

  it('gives back what was put, with its size and digest', async () => {
    const content = randomBytes(1_000_000);
    const stored = await store.put('group/1.tar.gz', streamOf(content.subarray(0, 7), content.subarray(7)));
    expect(stored).toEqual({
      sizeBytes: 1_000_000,
      sha256: createHash('sha256').update(content).digest('hex'),
    });
    expect(await read('group/1.tar.gz')).toBe(content.toString('latin1'));
    await store.put('empty', streamOf());
    expect(await read('empty')).toBe('');
  });

  it('keeps everything from other users', async () => {
    await mkdir(dir, { mode: 0o755 });
    await store.put('a/b', streamOf('secret'));
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(statSync(join(dir, 'a')).mode & 0o777).toBe(0o700);
    expect(statSync(join(dir, 'a/b')).mode & 0o777).toBe(0o600);
  });

  it('replaces a blob, and whoever reads the old one reads it to its end', async () => {
    await store.put('a', streamOf('old'));
    const old = await store.open('a');
    await store.put('a', streamOf('new'));
    expect(await read('a')).toBe('new');
    const gone = await store.open('a');
    await store.delete('a');
    for (const [stream, text] of [
      [old, 'old'],
      [gone, 'new'],
    ] as const) {
      const chunks: Bytes[] = [];
      for await (const chunk of stream as ReadableStream<Bytes>) chunks.push(chunk);
      expect(Buffer.concat(chunks).toString()).toBe(text);
    }
    expect(await read('a')).toBeNull();
  });

  it('lists by the beginning of the key', async () => {
    for (const key of ['g1/a', 'g1/b', 'g10/a', 'g2/x/y', 'top']) await store.put(key, streamOf(key));
    expect(await listed('')).toEqual(['g1/a', 'g1/b', 'g10/a', 'g2/x/y', 'top']);
    expect(await listed('g1/')).toEqual(['g1/a', 'g1/b']);
    expect(await listed('g1')).toEqual(['g1/a', 'g1/b', 'g10/a']);
    expect(await listed('g2/x/')).toEqual(['g2/x/y']);
    expect(await listed('none')).toEqual([]);
    for await (const blob of store.list('top')) {
      expect(blob).toEqual({ key: 'top', sizeBytes: 3, modifiedAt: statSync(join(dir, 'top')).mtime });
    }
  });

  it.each([
    '',
    '/',
    '/a',
    'a/',
    'a//b',
    '..',
    '../a',
    'a/../b',
    '.',
    'a b',
    'ü',
    'a\0',
    '.unfinished-1',
    'x'.repeat(201),
  ])('refuses the key %j', async (key) => {
    await expect(store.put(key, streamOf('x'))).rejects.toEqual(code('invalid'));
    await expect(store.open(key)).rejects.toEqual(code('invalid'));
    await expect(store.delete(key)).rejects.toEqual(code('invalid'));
    expect(readdirSync(base)).toEqual([]);
  });

  it('takes a folder for no blob and follows no link', async () => {
    await writeFile(join(base, 'outside'), 'secret');
    await store.put('folder/a', streamOf('x'));
    await symlink('../outside', join(dir, 'link'));
    expect(await store.open('folder')).toBeNull();
    expect(await store.open('folder/a/b')).toBeNull();
    await store.delete('folder');
    await expect(store.open('link')).rejects.toEqual(code('denied'));
    await expect(store.put('folder', streamOf('x'))).rejects.toEqual(code('invalid'));
    expect(await listed('')).toEqual(['folder/a']);
    expect(onDisk()).toEqual(['folder', 'folder/a', 'link']);
  });

  it('leaves nothing of a blob that breaks off, hangs or is given up', async () => {
    await store.put('a', streamOf('old'));
    const breaking = new ReadableStream<Bytes>({
      pull(controller) {
        controller.enqueue(new Uint8Array(10));
        controller.error(new Error('line broke'));
      },
    });
    await expect(store.put('a', breaking)).rejects.toEqual(code('invalid'));
    let cancelled = false;
    const hanging = new ReadableStream<Bytes>({
      start: (controller) => controller.enqueue(new Uint8Array(10)),
      pull: () => new Promise(() => undefined),
      cancel: () => {
        cancelled = true;
      },
    });
    const caller = new AbortController();
    const putting = store.put('a', hanging, { signal: caller.signal });
    await expect.poll(onDisk, { timeout: 30_000, interval: 5 }).toHaveLength(2);
    expect(await listed('')).toEqual(['a']);
    caller.abort();
    await expect(putting).rejects.toEqual(code('cancelled'));
    await expect.poll(onDisk, { timeout: 30_000, interval: 5 }).toEqual(['a']);
    expect(cancelled).toBe(true);
    const late = store.put('a', streamOf('x'), { signal: AbortSignal.abort() });
    await expect(late).rejects.toMatchObject({ code: 'cancelled', started: 'no' });
    expect(await read('a')).toBe('old');
  });

  it('stops reading when its caller gives up, and closes what it had open', async () => {
    await store.put('a', streamOf(new Uint8Array(3_000_000)));
    const open = () => (process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0);
    const before = open();
    const caller = new AbortController();
    const reader = (await store.open('a', { signal: caller.signal }))?.getReader();
    await reader?.read();
    caller.abort();
    await expect(reader?.read()).rejects.toEqual(code('cancelled'));
    await (await store.open('a'))?.cancel();
    await expect.poll(open, { timeout: 30_000, interval: 5 }).toBeLessThanOrEqual(before);
  });

  it('sweeps what a killed process left', async () => {
    await mkdir(dir);
    await writeFile(join(dir, '.unfinished-old'), '');
    await writeFile(join(dir, '.unfinished-going'), '');
    await utimes(join(dir, '.unfinished-old'), 1, 1);
    await store.put('a', streamOf('x'));
    expect(onDisk()).toEqual(['.unfinished-going', 'a']);
    expect(await listed('')).toEqual(['a']);
  });

  it('takes many at once under one key and keeps one whole', async () => {
    const all = Array.from({ length: 10 }, (_, i) => store.put('a', streamOf(`${i}`.repeat(50_000))));
    await Promise.all(all);
    const content = (await read('a')) as string;
    expect(new Set(content).size).toBe(1);
    expect(content).toHaveLength(50_000);
    expect(onDisk()).toEqual(['a']);
  });
});
