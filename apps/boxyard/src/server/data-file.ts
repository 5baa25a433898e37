// The small files of the data folder: a key, an id, where the server listens. Only their owner may read them.
import { readFile, rename, writeFile } from 'node:fs/promises';

/** Without the newline at its end; null when there is no such file. */
export async function readDataFile(file: string): Promise<string | null> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Whole or not at all: half a key after a crash would lock everything that it sealed. */
export async function writeDataFile(file: string, text: string): Promise<void> {
  const temporary = `${file}.${process.pid}`;
  await writeFile(temporary, `${text}\n`, { mode: 0o600 });
  await rename(temporary, file);
}
