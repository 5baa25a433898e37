// Where an archive is unpacked before it is known to be whole: inside the target folder, which is the one place
// that is surely on its file system and surely ours to write, under a name that nothing of ours shows.
import { chmod, lstat, mkdir, open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises';
import { fsErrorName, type HeldFolder } from '@boxyard/sandbox-core/jailed-folder';
import { z } from 'zod';
import { isTemporaryName, temporaryName } from './temporary-name.ts';
import { mergeTree } from './tree-merge.ts';
import { removeTree } from './tree-removal.ts';

const JOURNAL = 'journal.json';
const MAX_INTRUDERS = 100;

// An unpacking that nobody has added to for a day is not going on any more.
const STALE_AFTER_MS = 86_400_000;

// Names in hex: not every name on a disk is text.
const journalSchema = z.discriminatedUnion('mode', [
  z.object({
    mode: z.literal('replace'),
    remove: z.array(z.string().regex(/^([0-9a-f]{2})+$/)),
    add: z.array(z.string().regex(/^([0-9a-f]{2})+$/)),
  }),
  z.object({ mode: z.literal('merge') }),
]);
type Journal = z.infer<typeof journalSchema>;

/** A place beside the target's own names: `fresh` holds what was unpacked, `old` what it replaces. */
export class Staging {
  readonly name: string;
  readonly folder: HeldFolder;
  readonly fresh: HeldFolder;
  readonly #target: HeldFolder;
  #committed = false;

  private constructor(target: HeldFolder, name: string, folder: HeldFolder, fresh: HeldFolder) {
    this.#target = target;
    this.name = name;
    this.folder = folder;
    this.fresh = fresh;
  }

  static async create(target: HeldFolder): Promise<Staging> {
    const name = temporaryName();
    await mkdir(target.at(name), { mode: 0o700 });
    try {
      const folder = await existing(target, name);
      try {
        await mkdir(folder.at('fresh'));
        await mkdir(folder.at('old'));
        return new Staging(target, name, folder, await existing(folder, 'fresh'));
      } catch (error) {
        await folder.release();
        throw error;
      }
    } catch (error) {
      await removeTree(target, name).catch(() => undefined);
      throw error;
    }
  }

  /** Whether the target is being exchanged or was: the staged files are then no rubbish any more. */
  get committed(): boolean {
    return this.#committed;
  }

  /** Makes what was unpacked the content of the target. From here on a crash is finished by `recoverStagings`. */
  async commit(mode: 'replace' | 'merge'): Promise<void> {
    const journal: Journal =
      mode === 'merge'
        ? { mode }
        : { mode, remove: await namesIn(this.#target), add: await namesIn(this.fresh) };
    await writeJournal(this.folder, journal);
    this.#committed = true;
    await carryOut(this.#target, this.folder, journal);
  }

  async release(): Promise<void> {
    await this.fresh.release();
    await this.folder.release();
  }

  async remove(): Promise<void> {
    await removeTree(this.#target, this.name);
  }
}

/** Finishes what a killed process had committed, and removes what one had begun long ago. */
export async function recoverStagings(target: HeldFolder): Promise<void> {
  for (const name of (await readdir(target.self)).filter(isTemporaryName)) {
    const folder = await target.child(name).catch(() => null);
    if (folder === null) continue;
    try {
      const journal = await readJournal(folder);
      if (journal !== null) await carryOut(target, folder, journal);
      else if (Date.now() - (await newestChange(folder)) < STALE_AFTER_MS) continue;
    } finally {
      await folder.release();
    }
    await removeTree(target, name);
  }
}

async function carryOut(target: HeldFolder, staging: HeldFolder, journal: Journal): Promise<void> {
  await exchange(target, staging, journal);
  // Once it is done nobody may do it again: the names may mean something new by then.
  await unlink(staging.at(JOURNAL));
}

/** Safe to repeat from any point: each step looks whether it was done. */
async function exchange(target: HeldFolder, staging: HeldFolder, journal: Journal): Promise<void> {
  const fresh = await existing(staging, 'fresh');
  const old = await existing(staging, 'old');
  try {
    if (journal.mode === 'merge') {
      await mergeTree(fresh, target);
      return;
    }
    const add = new Set(journal.add);
    for (const hex of journal.remove) {
      // Not taken away again what has already taken its place.
      const replaced = add.has(hex) && !(await exists(fresh, hex));
      if (replaced || (await exists(old, hex))) continue;
      await makeMovable(target, hex);
      await renameIfThere(at(target, hex), at(old, hex));
    }
    for (const hex of journal.add) await putInPlace(target, fresh, old, hex);
  } finally {
    await old.release();
    await fresh.release();
  }
}

/** Moving a folder elsewhere changes its `..`, which its owner may do only to one that is writable. */
async function makeMovable(target: HeldFolder, hex: string): Promise<void> {
  const name = Buffer.from(hex, 'hex').toString('utf8');
  const folder = await target.child(name).catch(() => null);
  if (folder === null) return;
  try {
    const { mode } = await stat(folder.self);
    if ((mode & 0o700) !== 0o700) await chmod(folder.self, (mode & 0o7777) | 0o700);
  } finally {
    await folder.release();
  }
}

async function putInPlace(
  target: HeldFolder,
  fresh: HeldFolder,
  old: HeldFolder,
  hex: string,
): Promise<void> {
  for (let intruders = 0; ; intruders += 1) {
    try {
      await renameIfThere(at(fresh, hex), at(target, hex));
      return;
    } catch (error) {
      const taken = ['ENOTEMPTY', 'EEXIST', 'EISDIR', 'ENOTDIR'].includes(fsErrorName(error));
      if (!taken || intruders >= MAX_INTRUDERS) throw error;
      // Somebody made something of that name since it was taken away: the archive does not hold it.
      await renameIfThere(at(target, hex), Buffer.from(old.at(temporaryName())));
    }
  }
}

async function writeJournal(staging: HeldFolder, journal: Journal): Promise<void> {
  const half = temporaryName();
  const handle = await open(staging.at(half), 'wx', 0o600);
  try {
    await handle.writeFile(JSON.stringify(journal));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(staging.at(half), staging.at(JOURNAL));
}

/** Null when there is none. What lies in a workspace may be forged: it is held to its shape. */
async function readJournal(staging: HeldFolder): Promise<Journal | null> {
  const stats = await lstat(staging.at(JOURNAL)).catch(() => null);
  if (stats === null || !stats.isFile()) return null;
  const parsed = journalSchema.safeParse(safeJson(await readFile(staging.at(JOURNAL), 'utf8')));
  if (!parsed.success) return null;
  const names = parsed.data.mode === 'replace' ? [...parsed.data.remove, ...parsed.data.add] : [];
  const forged = names.some((hex) => ['', '.', '..'].includes(textOf(hex)) || textOf(hex).includes('/'));
  return forged ? null : parsed.data;
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function newestChange(staging: HeldFolder): Promise<number> {
  const stats = await Promise.all(
    [`${staging.self}/.`, staging.at('fresh')].map((path) => lstat(path).catch(() => null)),
  );
  return Math.max(...stats.map((one) => one?.mtimeMs ?? 0));
}

/** Names as they are on the disk, without our own temporary ones. */
async function namesIn(folder: HeldFolder): Promise<string[]> {
  const names = await readdir(folder.self, { encoding: 'buffer' });
  return names.filter((name) => !isTemporaryName(name.toString('utf8'))).map((name) => name.toString('hex'));
}

const textOf = (hex: string) => Buffer.from(hex, 'hex').toString('latin1');
const at = (folder: HeldFolder, hex: string) =>
  Buffer.concat([Buffer.from(`${folder.self}/`), Buffer.from(hex, 'hex')]);

async function exists(folder: HeldFolder, hex: string): Promise<boolean> {
  return (await lstat(at(folder, hex)).catch(() => null)) !== null;
}

async function renameIfThere(from: Buffer, to: Buffer): Promise<void> {
  await rename(from, to).catch((error) => {
    if (fsErrorName(error) !== 'ENOENT') throw error;
  });
}

async function existing(parent: HeldFolder, name: string): Promise<HeldFolder> {
  const folder = await parent.child(name);
  if (folder !== null) return folder;
  throw Object.assign(new Error(`${name} is no folder any more`), { code: 'ENOTDIR' });
}
