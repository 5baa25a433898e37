// The spool of a box on this machine, read without asking its shell: output costs no fork and no frame.
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  lstatSync,
  openSync,
  read,
  readSync,
  unlinkSync,
} from 'node:fs';
import { access, link, lstat, open, readdir, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Bytes } from '../call-options.ts';
import { SandboxError } from '../sandbox-error.ts';
import { EpochFence } from './epoch-fence.ts';
import { type OpRecord, parseOpRecord } from './op-record.ts';
import {
  type FeedOutcome,
  MOST_WAITING_CHUNKS,
  type OutputWish,
  SPOOL_LETTER,
  type Spool,
  type SpoolChannel,
  type SpoolSlots,
} from './spool.ts';
import { type SpoolUsage, usageOf } from './spool-budget.ts';

const STATS_AT_ONCE = 64;
const SMALL_READ_BYTES = 16 * 1024;
const SMALL_REMOVED_BYTES = 256 * 1024;
// Without waiting: what a command put there in place of a file must not hold us up.
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
// Claims and exit files are a few hundred bytes; a larger one is forged and not worth our memory.
const LONGEST_RECORD_BYTES = 16 * 1024;

export class FolderSpool implements Spool {
  readonly chunkBytes = 1024 * 1024;
  readonly blockBytes = Number.POSITIVE_INFINITY;
  readonly #dir: string;
  readonly #fence: EpochFence;
  readonly #forgetting = new Map<string, Promise<void>>();

  /** `epoch` is the one of the handle that this spool serves. */
  constructor(dir: string, epoch: number) {
    this.#dir = dir;
    this.#fence = new EpochFence(dir, epoch);
  }

  async record(id: string): Promise<OpRecord | null> {
    const claim = await this.#lines(`${id}.l`);
    if (claim === null) return null;
    const pids = parseOpRecord(claim).command;
    const present =
      pids === null ? [] : await Promise.all([pids.pid, pids.parentPid].map((pid) => presentLine(pid)));
    // Last, so that a command which ends during this look is not taken for lost.
    const exit = (await this.#lines(`${id}.x`)) ?? [];
    // After the exit, because a mark is left before it.
    const marks = await Promise.all(
      ['k', 't'].map(async (mark) => ((await this.#has(`${id}.${mark}`)) ? [mark] : [])),
    );
    return parseOpRecord([...claim, ...marks.flat(), ...present.flat(), ...exit.map((line) => `X ${line}`)]);
  }

  async list(): Promise<readonly string[]> {
    const names = await readdir(this.#dir);
    return names.filter((name) => name.endsWith('.l')).map((name) => name.slice(0, -2));
  }

  async read(id: string, wish: OutputWish): Promise<Readonly<Record<SpoolChannel, Bytes>>> {
    const stdout = this.#read(id, 'stdout', wish);
    const stderr = this.#read(id, 'stderr', wish);
    return { stdout: await stdout, stderr: await stderr };
  }

  async #read(id: string, channel: SpoolChannel, { from, most, into }: OutputWish): Promise<Bytes> {
    const [offset, length] = [from[channel], most[channel]];
    if (length === 0) return new Uint8Array(0);
    const file = openNow(this.#path(`${id}.${SPOOL_LETTER[channel]}`));
    if (file === null) return new Uint8Array(0);
    try {
      const start = readStart(file, offset, Math.min(length, SMALL_READ_BYTES));
      if (start.length < SMALL_READ_BYTES || length === SMALL_READ_BYTES) return start;
      const there = Math.max(0, Math.min(length, fstatSync(file).size - offset));
      const lent = into?.[channel];
      const buffer = lent !== undefined && lent.length >= there ? lent : new Uint8Array(there);
      if (into !== undefined) into[channel] = buffer;
      if (there === 0) return buffer.subarray(0, 0);
      const { bytesRead } = await readLater(file, buffer, 0, there, offset);
      if (into === undefined && bytesRead < there) return buffer.slice(0, bytesRead);
      return bytesRead === buffer.length ? buffer : buffer.subarray(0, bytesRead);
    } finally {
      closeSync(file);
    }
  }

  async sizes(id: string): Promise<{ readonly stdout: number; readonly stderr: number }> {
    const size = async (letter: string) =>
      (await stat(this.#path(`${id}.${letter}`)).catch(absent))?.size ?? 0;
    const [stdout, stderr] = await Promise.all([size('o'), size('e')]);
    return { stdout, stderr };
  }

  readonly slots: SpoolSlots = {
    hand: async (slot, id, isFed) => {
      const letters = [SPOOL_LETTER.stdout, SPOOL_LETTER.stderr];
      const files = letters.map((letter) => [`${slot}.${letter}`, `${id}.${letter}`]);
      if (isFed) files.push([`${slot.slice(0, slot.lastIndexOf('.'))}.q`, `${id}.q`]);
      // A link, no renaming: that would replace the files of somebody who uses the same id.
      const linked = files.every(([from = '', to = '']) => {
        try {
          linkSync(this.#path(from), this.#path(to));
          return true;
        } catch {
          return false;
        }
      });
      // Where it fails, the lane does it at its end.
      for (const letter of letters) {
        try {
          unlinkSync(this.#path(`${slot}.${letter}`));
        } catch {
          // See above.
        }
      }
      return linked;
    },
    takeBack: async (id) => {
      // The claim is what keeps another start of this id from using the files that go.
      const claimed = await writeFile(this.#path(`${id}.l`), '', { mode: 0o600, flag: 'wx' }).then(
        () => true,
        () => false,
      );
      if (claimed) await this.forget([id]);
    },
  };

  async put(id: string, part: 'script' | 'stdin', bytes: Bytes): Promise<void> {
    await writeFile(this.#path(`${id}.${SPOOL_LETTER[part]}`), bytes, { mode: 0o600, flag: 'a' }).catch(full);
  }

  async feed(id: string, number: number, bytes: Bytes): Promise<FeedOutcome> {
    await this.#fence.check('Writing to the command');
    if ((await this.#has(`${id}.x`)) || !(await this.#has(`${id}.q`))) return 'ended';
    if (await this.#has(`${id}.z`)) return 'closed';
    const behind = await stat(this.#path(`${id}.in.${number - MOST_WAITING_CHUNKS}`)).catch(absent);
    if (behind !== null && behind.size > 0) return 'full';
    const temporary = this.#path(`${id}.u.${randomUUID()}`);
    try {
      await writeFile(temporary, bytes, { mode: 0o600, flag: 'wx' }).catch(full);
      // A hard link appears whole and fails when the number is taken: both in one step.
      const kept = await link(temporary, this.#path(`${id}.in.${number}`)).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'EEXIST') return false;
          throw error;
        },
      );
      if (!kept) return 'taken';
      if (bytes.length === 0) await writeFile(this.#path(`${id}.z`), '', { mode: 0o600 }).catch(full);
    } finally {
      await unlink(temporary).catch(absent);
    }
    await this.#wake(id);
    return 'kept';
  }

  async usage(): Promise<SpoolUsage> {
    const names = await readdir(this.#dir);
    const files: [string, number][] = [];
    for (let at = 0; at < names.length; at += STATS_AT_ONCE) {
      const some = names.slice(at, at + STATS_AT_ONCE);
      const sizes = await Promise.all(
        some.map(async (name): Promise<[string, number]> => {
          return [name, (await lstat(this.#path(name)).catch(absent))?.size ?? 0];
        }),
      );
      files.push(...sizes);
    }
    return usageOf(files);
  }

  async forget(ids: readonly string[]): Promise<void> {
    // What is there is asked once: trying every name an op may have costs three times as many calls.
    const names = await readdir(this.#dir).catch(absent);
    for (const id of ids) {
      const own = (names ?? []).filter((name) => name.startsWith(`${id}.`) && name !== `${id}.l`);
      await Promise.all(own.map((name) => remove(this.#path(name))));
      // Last: until then nobody can take the id and find another op's files.
      await remove(this.#path(`${id}.l`));
    }
  }

  /** At once: it costs the box nothing. */
  forgetSoon(id: string): void {
    const forgotten = this.forget([id])
      .catch(() => undefined)
      .finally(() => this.#forgetting.delete(id));
    this.#forgetting.set(id, forgotten);
  }

  async flush(id?: string): Promise<void> {
    if (id === undefined) await Promise.all(this.#forgetting.values());
    else await this.#forgetting.get(id);
  }

  /** A byte for the pump. Its pipe is opened for both directions, so that this never waits for a reader. */
  async #wake(id: string): Promise<void> {
    const file = await open(
      this.#path(`${id}.q`),
      constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOFOLLOW,
    ).catch(absent);
    if (file === null) return;
    try {
      await file.write('\n');
    } catch (error) {
      // A pipe full of wake-ups wakes as well.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    } finally {
      await file.close();
    }
  }

  async #lines(name: string): Promise<readonly string[] | null> {
    const file = await open(this.#path(name), constants.O_RDONLY | constants.O_NOFOLLOW).catch(absent);
    if (file === null) return null;
    try {
      const buffer = Buffer.alloc(LONGEST_RECORD_BYTES);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
      const text = buffer.toString('latin1', 0, bytesRead);
      // A line that is still being written is not there yet.
      return text
        .slice(0, text.lastIndexOf('\n') + 1)
        .split('\n')
        .slice(0, -1);
    } finally {
      await file.close();
    }
  }

  #has(name: string): Promise<boolean> {
    return access(this.#path(name)).then(
      () => true,
      () => false,
    );
  }

  #path(name: string): string {
    return join(this.#dir, name);
  }
}

/** At once, as in `readStart`: opening takes no longer than that. */
function openNow(path: string): number | null {
  try {
    return openSync(path, READ_FLAGS);
  } catch (error) {
    return absent(error as NodeJS.ErrnoException);
  }
}

/** At once: a few microseconds for what has just been written, where a turn of another thread takes longer. */
function readStart(file: number, offset: number, length: number): Bytes {
  const buffer = new Uint8Array(length);
  const bytesRead = readSync(file, buffer, 0, length, offset);
  return bytesRead === length ? buffer : buffer.slice(0, bytesRead);
}

/** Much of it may have left the memory meanwhile: a disk that is slow holds up nobody else. */
const readLater = promisify(read);

/** What is small goes at once, as in `readStart`; what is large may take its file system a while. */
async function remove(path: string): Promise<void> {
  try {
    if (lstatSync(path).size <= SMALL_REMOVED_BYTES) unlinkSync(path);
    else await unlink(path);
  } catch (error) {
    absent(error as NodeJS.ErrnoException);
  }
}

async function presentLine(pid: number): Promise<readonly string[]> {
  try {
    return [`A ${(await readFile(`/proc/${pid}/stat`, 'latin1')).trimEnd()}`];
  } catch {
    return [];
  }
}

function absent(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}

function full(error: NodeJS.ErrnoException): never {
  if (error.code !== 'ENOSPC' && error.code !== 'EDQUOT') throw error;
  throw new SandboxError('quota', 'Storing input failed: the disk of the box is full. Free some space.', {
    cause: error,
    started: 'no',
  });
}
