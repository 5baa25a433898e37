import type { Box, CallOptions, FileEntry } from '@boxyard/sandbox-core';
import { SandboxError } from '@boxyard/sandbox-core';
import type { SandboxDirectoryEntry } from '@openai/agents-core/sandbox';
import { imageOutputFromBytes, MAX_VIEW_IMAGE_BYTES } from '../sdk-values.ts';
import { AgentsSessionError, sessionErrorFrom } from '../session-error.ts';

/** One place in a box: what a tool names, already judged. */
export interface Place {
  readonly box: Box;
  /** Relative to the workspace. */
  readonly path: string;
  readonly call: CallOptions;
}

export async function readBytes({ box, path, call }: Place, maxBytes?: number): Promise<Uint8Array> {
  try {
    return await box.files.read(path, maxBytes === undefined ? call : { ...call, length: maxBytes });
  } catch (error) {
    // The path itself has been judged before, so what is left is that it is no file.
    throw sessionErrorFrom(error, { invalid: 'EISDIR' });
  }
}

export async function listEntries({ box, path, call }: Place): Promise<SandboxDirectoryEntry[]> {
  try {
    const entries = await box.files.list(path, call);
    return entries.map(({ name, path: at, kind }) => ({
      name,
      path: at,
      type: kind === 'file' || kind === 'dir' ? kind : 'other',
    }));
  } catch (error) {
    throw sessionErrorFrom(error, { invalid: 'ENOTDIR' });
  }
}

/** What the path leads to, a link followed: false for a link to nothing. */
export async function exists(place: Place): Promise<boolean> {
  const entry = await statAt(place);
  if (entry === null || entry.kind !== 'symlink') return entry !== null;
  try {
    return (await place.box.files.version(place.path, place.call)) !== null;
  } catch (error) {
    // It leads to something that has no version: a folder.
    if (SandboxError.hasCode(error, 'invalid')) return true;
    throw sessionErrorFrom(error);
  }
}

export async function isDirectory(place: Place): Promise<boolean> {
  const entry = await statAt(place);
  if (entry?.kind !== 'symlink') return entry?.kind === 'dir';
  try {
    // A command begins where a link leads, and only if that is a folder of the workspace.
    await place.box.exec({ program: { argv: ['true'] }, cwd: place.path }, place.call);
    return true;
  } catch (error) {
    if (SandboxError.hasCode(error, 'not-found') || SandboxError.hasCode(error, 'invalid')) return false;
    throw sessionErrorFrom(error);
  }
}

/** @throws AgentsSessionError whose message has the words that `view_image` looks for. */
export async function readImage(place: Place, shown: string) {
  let bytes: Uint8Array;
  try {
    // One byte more than allowed is enough to refuse it.
    bytes = await readBytes(place, MAX_VIEW_IMAGE_BYTES + 1);
  } catch (error) {
    if (!(error instanceof AgentsSessionError)) throw error;
    const words = error.code === 'ENOENT' ? 'not found' : error.code === 'EISDIR' ? 'not a file' : null;
    if (words === null) throw error;
    throw new AgentsSessionError(error.code, `Image path ${words}: ${shown}`, { cause: error.cause });
  }
  return imageOutputFromBytes(shown, bytes);
}

async function statAt({ box, path, call }: Place): Promise<FileEntry | null> {
  try {
    return await box.files.stat(path, call);
  } catch (error) {
    throw sessionErrorFrom(error);
  }
}
