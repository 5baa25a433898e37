// Manifest entries become files of the workspace.
import { randomUUID } from 'node:crypto';
import { type Box, type CallOptions, joinPath, SandboxError } from '@boxyard/sandbox-core';
import type { Entry } from '@openai/agents-core/sandbox';
import { AgentsSessionError, sessionErrorFrom, unsupported } from '../session-error.ts';
import { entryMode } from './entry-mode.ts';
import { childrenOf, contentOf, type LocalSource, localSource } from './local-source.ts';
import type { DirEntry, GitEntry } from './manifest-entry.ts';

export interface EntryPlace {
  readonly box: Box;
  readonly call: CallOptions;
  /** Folders of this machine from which entries may be copied. */
  readonly localSources: readonly string[];
}

/** A clone of a large repository takes its time. */
const CLONE_DEADLINE_MS = 600_000;
const DEFAULT_HOST = 'github.com';

/** @param path Relative to the workspace, already judged. */
export async function writeEntry(place: EntryPlace, path: string, entry: Entry): Promise<void> {
  try {
    switch (entry.type) {
      case 'file':
        return await writeBytes(place, path, bytesOf(entry.content), entryMode(entry.permissions));
      case 'dir':
        return await writeDir(place, path, entry);
      case 'local_file':
      case 'local_dir':
        return await copy(place, path, await localSource(entry.src, place.localSources));
      case 'git_repo':
        return await clone(place, path, entry);
      default:
        throw unsupported(
          `Mounting ${path} is refused: a box has no ${entry.type}. Copy the files, or mount in the box's image.`,
        );
    }
  } catch (error) {
    throw sessionErrorFrom(error);
  }
}

async function writeDir(place: EntryPlace, path: string, { children = {} }: DirEntry): Promise<void> {
  await makeFolder(place, path);
  for (const [name, child] of Object.entries(children)) {
    await writeEntry(place, joinPath(path, checkedName(name)), child);
  }
}

async function copy(place: EntryPlace, path: string, source: LocalSource): Promise<void> {
  if (source.kind === 'file') return writeBytes(place, path, await contentOf(source), source.mode);
  await makeFolder(place, path);
  for (const [name, child] of await childrenOf(source)) await copy(place, joinPath(path, name), child);
}

/** In the box, with its network and its credentials: this process may have neither. */
async function clone({ box, call }: EntryPlace, path: string, entry: GitEntry): Promise<void> {
  const url = `https://${entry.host ?? DEFAULT_HOST}/${entry.repo.replace(/\.git$/, '')}.git`;
  if (/[\s\0]/.test(url) || entry.ref?.startsWith('-')) {
    throw new AgentsSessionError('git_clone_error', `Cloning ${JSON.stringify(url)} is refused: correct it.`);
  }
  const staging = `.boxyard-clone-${randomUUID()}`;
  const git = async (...words: string[]) => {
    const result = await box.exec(
      { program: { argv: ['git', '-C', staging, ...words] }, env: { GIT_TERMINAL_PROMPT: '0' } },
      { signal: call.signal, deadlineMs: CLONE_DEADLINE_MS },
    );
    if (result.exitCode === 0) return;
    const said = new TextDecoder().decode(result.stderr).trim().slice(-500);
    throw new AgentsSessionError('git_clone_error', `Cloning ${url} into ${path} failed: ${said}`);
  };
  await box.files.mkdir(staging, call);
  try {
    await git('init', '--quiet');
    await git('fetch', '--quiet', '--depth', '1', '--', url, entry.ref ?? 'HEAD');
    await git('checkout', '--quiet', 'FETCH_HEAD');
    const subpath = entry.subpath === undefined ? '' : checkedPath(entry.subpath);
    await box.files.move(joinPath(staging, subpath) || staging, path, { ...call, createParents: true });
  } finally {
    await box.files.remove(staging, { ...call, recursive: true }).catch((error: unknown) => {
      if (!SandboxError.hasCode(error, 'not-found')) throw error;
    });
  }
}

async function writeBytes(
  { box, call }: EntryPlace,
  path: string,
  bytes: Uint8Array,
  mode: number,
): Promise<void> {
  await box.files.write(path, Uint8Array.from(bytes), { ...call, mode, createParents: true });
}

async function makeFolder({ box, call }: EntryPlace, path: string): Promise<void> {
  if (path !== '') await box.files.mkdir(path, { ...call, recursive: true });
}

function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === 'string' ? new TextEncoder().encode(content) : content;
}

function checkedName(name: string): string {
  const path = checkedPath(name);
  if (path !== '') return path;
  throw new AgentsSessionError('invalid_manifest_path', `The entry ${JSON.stringify(name)} has no name.`);
}

function checkedPath(path: string): string {
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  if (!path.startsWith('/') && !names.includes('..') && !path.includes('\\')) return names.join('/');
  throw new AgentsSessionError(
    'invalid_manifest_path',
    `The entry ${JSON.stringify(path)} is refused: give a path within its folder.`,
  );
}
