// The small files of the data folder: a key, an id, where the server listens. Only their owner may read them.
import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';

/** Without the newline at its end; null when there is no such file. */
export async function readDataFile(file: string): Promise<string | null> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Whole or not at all: half a key after a crash would lock everything that it sealed. */
export async function writeDataFile(file: string, text: string): Promise<void> {
  await rename(await writeAside(file, text), file);
}

/** The same, unless somebody was first: then it stays as it is. Answers what the file says now. */
export async function writeFirstDataFile(file: string, text: string): Promise<string> {
  const temporary = await writeAside(file, text);
  try {
    await link(temporary, file);
    return text;
  } catch (error) {
    const kept = codeOf(error) === 'EEXIST' ? await readDataFile(file) : null;
    if (kept === null) throw error;
    return kept;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function writeAside(file: string, text: string): Promise<string> {
  const temporary = `${file}.${randomUUID()}`;
  await writeFile(temporary, `${text}\n`, { mode: 0o600 });
  return temporary;
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;
