// Steps that cases about archives share.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { ArchiveManifest, Bytes, UnpackOptions } from '@boxyard/sandbox-core';
import type { BoxCaseContext } from './box-case.ts';
import { binary, bytesOf, prepare, refused, use } from './case-steps.ts';
import { bytesIn, streamOf } from './tar-fixture.ts';

export interface Packed {
  readonly bytes: Bytes;
  readonly manifest: ArchiveManifest;
}

export async function packed(
  context: BoxCaseContext,
  path: string,
  compression?: 'none' | 'gzip',
): Promise<Packed> {
  const archive = await use(context, 'archives').pack({ path, compression, deadlineMs: context.waitMs });
  return { bytes: await bytesIn(archive.stream), manifest: await archive.manifest };
}

export function unpack(
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
export async function furnished(context: BoxCaseContext): Promise<string> {
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
export async function shape(context: BoxCaseContext, base: string): Promise<readonly string[]> {
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
export async function refusedIntact(
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
