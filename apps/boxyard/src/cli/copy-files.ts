import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { FolderArchives } from '@boxyard/providers-local';
import { type ApiClient, ApiProblem } from './api-client.ts';

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
export async function copyFiles(client: ApiClient, workspace: string, from: Place, to: Place): Promise<void> {
  if ((from.session === null) === (to.session === null)) {
    throw new CopyRefused('Exactly one of the two must be in a box: write SESSION:path for it.');
  }
  if (to.session !== null)
    await upload(client, `/v1/workspaces/${workspace}/sessions/${to.session}`, from.path, to.path);
  else await download(client, `/v1/workspaces/${workspace}/sessions/${from.session}`, from.path, to.path);
}

const query = (path: string) => `?path=${encodeURIComponent(path)}`;

async function upload(client: ApiClient, session: string, local: string, remote: string): Promise<void> {
  const target = remote === '' || remote.endsWith('/') ? remote + basename(resolve(local)) : remote;
  if ((await stat(local)).isDirectory()) {
    const packed = await new FolderArchives({ root: resolve(local) }).pack({ compression: 'none' });
    await client.json('PUT', `${session}/fs/archive${query(target)}`, {
      stream: packed.stream,
      headers: { 'content-type': 'application/x-tar' },
    });
    return;
  }
  await client.json('PUT', `${session}/fs/content${query(target)}`, {
    stream: Readable.toWeb(createReadStream(local)) as ReadableStream<Uint8Array>,
    headers: { 'content-type': 'application/octet-stream' },
  });
}

async function download(client: ApiClient, session: string, remote: string, local: string): Promise<void> {
  const isFolder = await stat(local).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const target = isFolder ? join(local, basename(remote) || 'workspace') : local;
  const entry = await client.json<{ kind: string }>('POST', `${session}/fs/stat`, { body: { path: remote } });
  if (entry.kind === 'dir') {
    const archive = await client.send('GET', `${session}/fs/archive${query(remote)}`);
    await mkdir(target, { recursive: true });
    await new FolderArchives({ root: resolve(target) }).unpack(bodyOf(archive), { mode: 'merge' });
    return;
  }
  const content = await client.send('GET', `${session}/fs/content${query(remote)}`);
  const temporary = join(dirname(resolve(target)), `.${basename(target)}.${process.pid}.part`);
  try {
    await pipeline(bodyOf(content), createWriteStream(temporary));
    await rename(temporary, target);
  } finally {
    await rm(temporary, { force: true });
  }
}

function bodyOf(response: Response): ReadableStream<Uint8Array<ArrayBuffer>> {
  if (response.body === null)
    throw new ApiProblem(response.status, 'unknown', 'The server sent no content.', null);
  return response.body;
}
