// Entries that are copied from the machine on which this process runs: only out of folders that were allowed.
import { lstat, readdir, readFile, realpath } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { AgentsSessionError } from '../session-error.ts';

export interface LocalSource {
  readonly kind: 'file' | 'dir';
  readonly path: string;
  readonly mode: number;
}

/** @throws AgentsSessionError for a source outside the allowed folders, by where it really leads. */
export async function localSource(src: string, allowed: readonly string[]): Promise<LocalSource> {
  const path = resolve(src);
  const refuse = (why: string, cause?: unknown): AgentsSessionError =>
    new AgentsSessionError(
      'local_artifact_error',
      `Copying ${JSON.stringify(src)} is refused: ${why}. Name its folder in localSources.`,
      { cause },
    );
  let real: string;
  try {
    real = await realpath(path);
  } catch (cause) {
    throw refuse('it cannot be read', cause);
  }
  const folders = await Promise.all(allowed.map((folder) => realpath(resolve(folder)).catch(() => null)));
  const isInside = folders.some((folder) => {
    if (folder === null) return false;
    const way = relative(folder, real);
    return !isAbsolute(way) && way.split('/')[0] !== '..';
  });
  if (!isInside) throw refuse('it is outside the folders from which may be copied');
  return sourceAt(real);
}

export async function childrenOf(source: LocalSource): Promise<readonly (readonly [string, LocalSource])[]> {
  const names = (await readdir(source.path)).sort();
  return Promise.all(names.map(async (name) => [name, await sourceAt(join(source.path, name))] as const));
}

export function contentOf(source: LocalSource): Promise<Uint8Array> {
  return readFile(source.path);
}

async function sourceAt(path: string): Promise<LocalSource> {
  const found = await lstat(path);
  if (found.isFile() || found.isDirectory()) {
    return { kind: found.isFile() ? 'file' : 'dir', path, mode: found.mode & 0o777 };
  }
  throw new AgentsSessionError(
    'local_artifact_error',
    `Copying ${path} is refused: links and devices are not copied. Leave it out of the folder.`,
  );
}
