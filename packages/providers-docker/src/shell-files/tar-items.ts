// What a box's own tar prints, as items of our archive: the list beforehand says what there is, the tar brings the
// bytes, and a look afterwards whether they are of one moment.
import { type ArchiveItem, type Bytes, type FileReading, SandboxError } from '@boxyard/sandbox-core';
import { extract, type Header } from 'tar-stream';
import type { ListedName } from './tree-listing.ts';

/** Small files are looked at together: so many, or so many bytes of them. */
const BATCH_FILES = 200;
const BATCH_BYTES = 4 * 1024 * 1024;
/** Larger ones are never held whole. */
const HELD_BYTES = 1024 * 1024;

export interface TarSource {
  /** Everything there was before the tar was begun, folders before what they hold. */
  readonly listed: readonly ListedName[];
  /** The tar's bytes. */
  readonly tar: AsyncIterable<Bytes>;
  /** Present facts of these files; one that is gone is left out. */
  facts(paths: readonly string[]): Promise<ReadonlyMap<string, ListedName>>;
  /** Reads one file by itself. */
  read(path: string): Promise<FileReading | 'gone' | 'unreadable'>;
}

interface HeldFile {
  readonly name: ListedName;
  readonly content: Bytes;
}

/** Folders and links first, then files in the order of the tar, then files that the tar did not bring. */
export async function* tarItems(source: TarSource): AsyncGenerator<ArchiveItem, void, void> {
  const files = new Map<string, ListedName>();
  for (const name of source.listed) {
    const { path, kind, mode, mtimeNs } = name;
    // A tar could hold such a name, what reads paths as text could not ask for it: said, not dropped silently.
    if (!name.isText) yield { kind: 'skipped', path, was: 'file', mode: 0 };
    else if (kind === 'file') files.set(path, name);
    else if (kind === 'symlink') yield { kind, path, mtimeNs, target: name.target ?? '' };
    else if (kind === 'other') yield { kind: 'skipped', path, was: 'other', mode };
    // Its owner is the box's user, who sees nothing in it then.
    else if ((mode & 0o500) !== 0o500) yield { kind: 'skipped', path, was: 'dir', mode };
    else yield { kind, path, mode, mtimeNs };
  }
  yield* fromTar(source, files);
  for (const { path } of files.values()) yield { kind: 'file', path, open: () => source.read(path) };
}

/** Takes each file that it brings out of `files`. */
async function* fromTar(
  source: TarSource,
  files: Map<string, ListedName>,
): AsyncGenerator<ArchiveItem, void, void> {
  let held: HeldFile[] = [];
  let heldBytes = 0;
  for await (const { header, content } of members(source.tar)) {
    const path = header.name.replace(/^\.\//, '');
    const name = files.get(path);
    if (name === undefined || header.type !== 'file') {
      for await (const _ of content);
      continue;
    }
    files.delete(path);
    const size = header.size ?? 0;
    if (size > HELD_BYTES) {
      yield { kind: 'file', path, open: opener(source, name, streamed(source, name, size, content)) };
      // What was not asked for has to go by before the next one comes.
      for await (const _ of content);
      continue;
    }
    const parts: Bytes[] = [];
    for await (const part of content) parts.push(part);
    held.push({ name, content: new Uint8Array(Buffer.concat(parts)) });
    heldBytes += size;
    if (held.length < BATCH_FILES && heldBytes < BATCH_BYTES) continue;
    yield* checked(source, held);
    held = [];
    heldBytes = 0;
  }
  yield* checked(source, held);
}

async function* checked(
  source: TarSource,
  held: readonly HeldFile[],
): AsyncGenerator<ArchiveItem, void, void> {
  if (held.length === 0) return;
  const present = await source.facts(held.map(({ name }) => name.path));
  for (const { name, content } of held) {
    const { path, mode, mtimeNs } = name;
    let left: Bytes | null = content;
    const reading: FileReading = {
      sizeBytes: content.length,
      mode,
      mtimeNs,
      next: async () => {
        const bytes = left;
        left = null;
        return bytes === null || bytes.length === 0 ? null : bytes;
      },
      changed: async () => !isSame(name, present.get(path), content.length),
      close: async () => undefined,
    };
    yield { kind: 'file', path, open: opener(source, name, reading) };
  }
}

/** The first reading is that of the tar, a second one goes to the file itself. */
function opener(source: TarSource, { path }: ListedName, first: FileReading) {
  let opened = false;
  return async () => {
    if (opened) return source.read(path);
    opened = true;
    return first;
  };
}

function streamed(
  source: TarSource,
  name: ListedName,
  sizeBytes: number,
  content: AsyncIterable<Bytes>,
): FileReading {
  const chunks = content[Symbol.asyncIterator]();
  return {
    sizeBytes,
    mode: name.mode,
    mtimeNs: name.mtimeNs,
    next: async () => {
      const next = await chunks.next();
      return next.done ? null : next.value;
    },
    changed: async () => {
      const present = await source.facts([name.path]);
      return !isSame(name, present.get(name.path), sizeBytes);
    },
    close: async () => undefined,
  };
}

/** What is as it was before the tar was begun, and what came has that length. */
function isSame(before: ListedName, after: ListedName | undefined, sizeBytes: number): boolean {
  return (
    after !== undefined &&
    before.sizeBytes === sizeBytes &&
    after.sizeBytes === before.sizeBytes &&
    after.mtimeNs === before.mtimeNs &&
    after.ctimeNs === before.ctimeNs &&
    after.inode === before.inode
  );
}

interface Member {
  readonly header: Header;
  /** To be read to its end before the next member is asked for. */
  readonly content: AsyncIterable<Bytes>;
}

async function* members(tar: AsyncIterable<Bytes>): AsyncGenerator<Member, void, void> {
  const reader = extract();
  let failure: unknown;
  let goOn: () => void = () => undefined;
  reader.on('drain', () => goOn());
  reader.on('close', () => goOn());
  const feeding = (async () => {
    for await (const chunk of tar) {
      if (reader.destroyed) return;
      const drained = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      if (!reader.write(chunk)) await drained;
    }
    reader.end(null);
  })().catch((error: unknown) => {
    failure = error;
    reader.destroy();
  });
  try {
    for await (const entry of reader) yield { header: entry.header, content: bytesOf(entry) };
  } catch (error) {
    failure ??= error;
  } finally {
    reader.destroy();
    goOn();
    await feeding;
  }
  if (failure !== undefined) throw brokenOff(failure);
}

async function* bytesOf(entry: AsyncIterable<unknown>): AsyncGenerator<Bytes, void, void> {
  try {
    for await (const chunk of entry) if (chunk instanceof Uint8Array) yield new Uint8Array(chunk);
  } catch (error) {
    throw brokenOff(error);
  }
}

/** A tar that ends in the middle, as when its box goes. */
function brokenOff(cause: unknown): SandboxError {
  if (SandboxError.isInstance(cause)) return cause;
  return new SandboxError('unreachable', 'Packing failed: the box broke off. Try again.', { cause });
}
