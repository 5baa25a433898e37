import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { type Bytes, SandboxError, throwIfAborted, type WrittenFile } from '@boxyard/sandbox-core';
import { fsErrorName, type HeldFolder } from '@boxyard/sandbox-core/jailed-folder';
import { versionOf } from './file-version.ts';
import { DEFAULT_MODE, lookAt } from './file-writing.ts';
import { withPathLock } from './path-lock.ts';

// Without waiting: something that is no file may have come to the name.
const FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Adds to the end of the file of this name, which is made when it is missing. What fails leaves it as long as it was. */
export async function appendToFile(
  folder: HeldFolder,
  name: string,
  content: Bytes,
  { mode = DEFAULT_MODE }: { readonly mode?: number | undefined },
  signal: AbortSignal,
): Promise<WrittenFile> {
  await lookAt(folder, name);
  // A writer that puts another file in place meanwhile would take away what is added here.
  return withPathLock(folder, name, { betweenProcesses: false, signal }, async () => {
    throwIfAborted(signal, `Adding to ${JSON.stringify(name)}`);
    const handle = await openOrMake(folder, name, mode);
    try {
      const before = await handle.stat();
      if (!before.isFile()) throw notAFile(name);
      try {
        for (let done = 0; done < content.length; ) {
          done += (await handle.write(content, done, content.length - done)).bytesWritten;
        }
      } catch (error) {
        await handle.truncate(before.size).catch(() => undefined);
        throw error;
      }
      const { size: sizeBytes } = await handle.stat();
      return { sizeBytes, version: await versionOf(handle, signal) };
    } finally {
      await handle.close();
    }
  });
}

async function openOrMake(folder: HeldFolder, name: string, mode: number): Promise<FileHandle> {
  const path = folder.at(name);
  try {
    return await open(path, FLAGS);
  } catch (error) {
    if (fsErrorName(error) !== 'ENOENT') throw error;
  }
  // Nobody else reads it before its mode is the real one.
  const made = await open(path, FLAGS | constants.O_CREAT | constants.O_EXCL, 0o600).catch((error) => {
    if (fsErrorName(error) === 'EEXIST') return null;
    throw error;
  });
  // Somebody else has made it in between.
  if (made === null) return open(path, FLAGS);
  try {
    await made.chmod(mode);
    return made;
  } catch (error) {
    await made.close();
    throw error;
  }
}

const notAFile = (name: string) =>
  new SandboxError(
    'invalid',
    `Adding to ${JSON.stringify(name)} is refused: it is no file. Choose another name.`,
    { started: 'no' },
  );
