// What the tests of files share: a fresh workspace before each test, gone after it.
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bytes } from '@boxyard/sandbox-core';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FolderFiles } from '../src/folder-files.ts';

/** A folder around the workspace, for what must never be reached. */
export let base: string;
export let root: string;
export let files: FolderFiles;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'boxyard-files-'));
  root = join(base, 'workspace');
  await mkdir(root);
  files = new FolderFiles({ root });
});

afterEach(async () => {
  await rm(base, { recursive: true, force: true });
});

// Only root may give files away.
export const itForRoot = process.getuid?.() === 0 ? it : () => undefined;
export const MIB = 1024 * 1024;
export const bytes = (text: string): Bytes => new TextEncoder().encode(text);
export const text = (content: Uint8Array) => new TextDecoder().decode(content);
export const sha256 = (content: Uint8Array | string) => createHash('sha256').update(content).digest('hex');
export const code = (name: string) => expect.objectContaining({ name: 'SandboxError', code: name });
export const streamOf = (...chunks: Bytes[]) => ReadableStream.from(chunks) as ReadableStream<Bytes>;

/** Everything on the disk below the root, also what `list` hides. */
export const onDisk = () => readdirSync(root, { recursive: true }).map(String).sort();

export async function until(condition: () => boolean): Promise<void> {
  await expect.poll(condition, { timeout: 30_000, interval: 5 }).toBe(true);
}

export async function collect(stream: ReadableStream<Bytes>): Promise<Buffer> {
  const chunks: Bytes[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
