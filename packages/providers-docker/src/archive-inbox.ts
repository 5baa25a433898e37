// Large content on its way into a box, through the archive API. That runs as root, so it only ever writes below a
// folder that the box's user cannot have exchanged; only when all of it is there is it handed over to that user.
// The engine lets nobody else at the container while it unpacks, so it is not made to wait for a slow sender: content
// of a known size goes as one file as long as it flows, else what is here already goes as a part of it.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type Bytes, bounded } from '@boxyard/sandbox-core';
import { ArrivingContent, type ArrivingPart, STALL_MS } from './arriving-content.ts';
import { BOX_UID, INBOX_NAME, SYSTEM_DIR } from './container-request.ts';
import type { Engine } from './engine.ts';
import { putArchived, type TarFile, type TarFolder } from './engine-archive.ts';
import type { ContentInbox, InboxFiles, InboxPut } from './shell-files/content-inbox.ts';
import type { FilesLink } from './shell-files/files-link.ts';

const PART_BYTES = 4 * 1024 * 1024;
/** What flows is looked after at least this often. */
const FLOW_BYTES = 1024 * 1024;
/** Then others get their turn at the container, however quick the sender is. */
const MOST_TURN_MS = 1000;
/** Worth more, because what is cut off is copied once more. Nothing of the box's own shells waits meanwhile. */
const MOST_FLOW_MS = 2000;
/** A frozen box keeps what was not whole until its next upload. */
const DROP_MS = 2000;

/** A folder takes one file at a time: it is open to the box only while it holds nothing that is coming. */
export class ArchiveInbox implements ContentInbox {
  readonly #engine: Engine;
  readonly #container: string;
  readonly #link: FilesLink;
  /** Folders of this handle that nobody uses just now; as many are made as are needed at once. */
  readonly #free: string[] = [];

  /** The link is that of the box's files. */
  constructor(engine: Engine, container: string, link: FilesLink) {
    this.#engine = engine;
    this.#container = container;
    this.#link = link;
  }

  /** `use` gets the files in the box; it has to take them away, or `drop` them. */
  async put<T>(put: InboxPut, use: (files: InboxFiles) => Promise<T>): Promise<T> {
    const folder = this.#free.pop() ?? `${INBOX_NAME}/${randomUUID()}`;
    try {
      return await this.#put(folder, put, use);
    } finally {
      this.#free.push(folder);
    }
  }

  /** What was brought and is not wanted, removed in the box by its own user; what it has no tool for stays. */
  async drop(files: readonly string[]): Promise<void> {
    const dropping = () => this.#link.request('drop', files);
    await bounded({ deadlineMs: DROP_MS }, 'Dropping', dropping).catch(() => undefined);
  }

  async #put<T>(
    folder: string,
    { content, sizeBytes, mode, signal }: InboxPut,
    use: (files: InboxFiles) => Promise<T>,
  ): Promise<T> {
    const inbox = { name: `${INBOX_NAME}/`, mode: 0o755, owner: 0 };
    // Closed first, so that what the box put there when it was its own can be changed by nobody any more.
    const closed = { name: `${folder}/`, mode: 0o700, owner: 0 };
    const opened = { ...closed, owner: BOX_UID };
    const names: string[] = [];
    const file = (fileBytes: number, pieces: TarFile['content']): TarFile => {
      const name = `${folder}/${names.length}`;
      // As they are named from the folder of staged files.
      names.push(`../${name}`);
      return { name, mode, owner: BOX_UID, sizeBytes: fileBytes, content: pieces };
    };
    const arriving = new ArrivingContent(content, sizeBytes === null ? PART_BYTES : FLOW_BYTES);
    let over = false;
    let isCut = false;
    const inOne = async function* (first: ArrivingPart): AsyncGenerator<Bytes, void, void> {
      const turnEnd = performance.now() + MOST_FLOW_MS;
      for (let part: ArrivingPart | null = first; part !== null; part = await arriving.following(turnEnd)) {
        over = part.isEnd;
        if (over) return;
        yield* part.pieces;
      }
      isCut = true;
    };
    const inParts = async function* (first: ArrivingPart): AsyncGenerator<TarFile, void, void> {
      // What was cut off is root's still: it is copied to a file of the box's own.
      if (isCut && names.length === 1) yield file(0, []);
      const turnEnd = performance.now() + MOST_TURN_MS;
      for (let part: ArrivingPart | null = first; part !== null; part = await arriving.following(turnEnd)) {
        over = part.isEnd;
        if (!over || names.length === 0) yield file(part.sizeBytes, part.pieces);
        if (over) return;
      }
    };
    try {
      while (!over) {
        const askedAt = performance.now();
        const first = await arriving.next();
        const flows = sizeBytes !== null && names.length === 0 && performance.now() - askedAt < STALL_MS;
        const members = async function* (): AsyncGenerator<TarFile | TarFolder, void, void> {
          yield inbox;
          yield closed;
          if (flows) yield file(sizeBytes, inOne(first));
          else yield* inParts(first);
          yield opened;
        };
        await putArchived(this.#engine, this.#container, SYSTEM_DIR, members(), signal);
      }
    } catch (error) {
      await bounded({ deadlineMs: DROP_MS }, 'Dropping', (dropping) => this.#discard(folder, dropping)).catch(
        () => undefined,
      );
      throw error;
    } finally {
      arriving.close();
    }
    const [one = '', ...rest] = names;
    const [two = one, ...more] = rest;
    return use(isCut ? [two, one, ...more] : [one, ...rest]);
  }

  /** What came only in part. By root, whose folder it is: on a full disk the archive API cannot even remove. */
  async #discard(folder: string, signal: AbortSignal): Promise<void> {
    const argv = ['/bin/sh', '-c', DISCARD_SCRIPT, 'boxyard', `${SYSTEM_DIR}/${folder}`];
    const request = { argv, env: [], user: '0:0', workingDir: '/' };
    const { stream } = await this.#engine.exec(this.#container, request, signal);
    const stop = () => stream.destroy();
    signal.addEventListener('abort', stop, { once: true });
    stream.resume();
    await once(stream, 'close').catch(() => undefined);
    signal.removeEventListener('abort', stop);
  }
}

/**
 * The folder is closed to the box, so nothing in it changes meanwhile; what the box left in it is not followed. Without
 * rm at least its content goes.
 */
const DISCARD_SCRIPT = `
rm -rf -- "$1" 2>/dev/null && exit
for f in "$1"/*; do [ -L "$f" ] || [ ! -f "$f" ] || : >"$f"; done`;
