import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { BoxyardClient, BoxyardSession } from '@boxyard/client';
import { Download } from '@boxyard/client';
import { FolderArchives } from '@boxyard/providers-local';

interface Place {
  /** Null for the machine that the command line runs on. */
  readonly session: string | null;
  readonly path: string;
}

/** The same file, folder or path cannot be copied the way it was asked. */
export class CopyRefused extends Error {
  override readonly name = 'CopyRefused';
}

/** `SESSION:path` is in a box; anything else is a path of this machine (`./a:b` for a name with a colon). */
export function parsePlace(text: string): Place {
  const box = /^([0-9a-f-]{36}):(.*)$/i.exec(text);
  return box ? { session: box[1]!, path: box[2]! } : { session: null, path: text };
}

/** Files go as they are, folders as a tar; both as streams, whatever their size. */
export async function copyFiles(client: BoxyardClient, from: Place, to: Place): Promise<void> {
  if ((from.session === null) === (to.session === null)) {
    throw new CopyRefused('Exactly one of the two must be in a box: write SESSION:path for it.');
  }
  if (to.session !== null) await upload(client.session(to.session), from.path, to.path);
  else await download(client.session(from.session!), from.path, to.path);
}

async function upload({ files }: BoxyardSession, local: string, remote: string): Promise<void> {
  const target = remote === '' || remote.endsWith('/') ? remote + basename(resolve(local)) : remote;
  if ((await stat(local)).isDirectory()) {
    const packed = await new FolderArchives({ root: resolve(local) }).pack({ compression: 'none' });
    await files.writeArchive({ path: target }, packed.stream);
    return;
  }
  await files.upload(target, Readable.toWeb(createReadStream(local)) as ReadableStream<Uint8Array>);
}

async function download({ files }: BoxyardSession, remote: string, local: string): Promise<void> {
  const isFolder = await stat(local).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const target = isFolder ? join(local, basename(remote) || 'workspace') : local;
  const entry = await files.stat({ path: remote });
  if (entry.kind === 'dir') {
    const archive = new Download(await files.readArchive({ path: remote }));
    await mkdir(target, { recursive: true });
    await new FolderArchives({ root: resolve(target) }).unpack(archive.stream, { mode: 'merge' });
    return;
  }
  const content = await files.download(remote);
  const temporary = join(dirname(resolve(target)), `.${basename(target)}.${process.pid}.part`);
  try {
    await pipeline(content.stream, createWriteStream(temporary));
    await rename(temporary, target);
  } finally {
    await rm(temporary, { force: true });
  }
}
