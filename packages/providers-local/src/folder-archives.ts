import { rmdir } from 'node:fs/promises';
import {
  type ArchiveItem,
  type BoxArchives,
  type Bytes,
  bounded,
  checkRelativePath,
  type PackedArchive,
  type PackOptions,
  packArchive,
  readArchive,
  SandboxError,
  splitPath,
  throwIfAborted,
  type UnpackOptions,
  type UnpackReport,
} from '@boxyard/sandbox-core';
import { type HeldFolder, JailedFolder, sandboxErrorFromFs } from '@boxyard/sandbox-core/jailed-folder';
import { folderItems } from './folder-source.ts';
import { withPathLock } from './path-lock.ts';
import { recoverStagings, Staging } from './staging.ts';
import { judgeMerge } from './tree-merge.ts';
import { TreeWriter } from './tree-writer.ts';

export interface FolderArchivesOptions {
  /** Absolute path of the workspace folder. */
  readonly root: string;
}

/** Archives of a folder on this machine, and back into it. */
export class FolderArchives implements BoxArchives {
  readonly #jail: JailedFolder;

  constructor(options: FolderArchivesOptions) {
    this.#jail = new JailedFolder(options);
  }

  /** The deadline bounds the opening; the signal also ends the stream. */
  async pack(options: PackOptions = {}): Promise<PackedArchive> {
    const path = checkRelativePath(options.path ?? '');
    const what = `Packing ${JSON.stringify(path)}`;
    return bounded(options, what, async (signal) => {
      const folder = await this.#jail.hold(path).catch((error) => {
        throw sandboxErrorFromFs(error, what);
      });
      try {
        await this.#recover(folder, signal);
        throwIfAborted(signal, what);
      } catch (error) {
        await folder.release();
        throw sandboxErrorFromFs(error, what);
      }
      const { compression } = options;
      const packed = packArchive(itemsOf(folder, what), { compression, signal: options.signal });
      const release = () => folder.release();
      packed.manifest.then(release, release).catch(() => undefined);
      return packed;
    });
  }

  /**
   * The target keeps its identity: its content is exchanged name by name, so a shell that stands in it stands in
   * the new one. An exchange that a crash interrupts is finished by the next `pack`, `unpack` or `recover`.
   */
  async unpack(archive: ReadableStream<Bytes>, options: UnpackOptions): Promise<UnpackReport> {
    try {
      const path = checkRelativePath(options.path ?? '');
      const what = `Unpacking to ${JSON.stringify(path)}`;
      return await bounded(options, what, async (signal, { progress }) => {
        try {
          return await this.#unpackTo(path, archive, options, { signal, progress });
        } catch (error) {
          throw sandboxErrorFromFs(error, what);
        }
      });
    } catch (error) {
      if (!archive.locked) archive.cancel(error).catch(() => undefined);
      throw error;
    }
  }

  /** Finishes what a killed process had begun to exchange in the workspace root. */
  async recover(): Promise<void> {
    await bounded({}, 'Recovering the workspace', (signal) =>
      this.#jail.withFolder('', (folder) => this.#recover(folder, signal)),
    ).catch((error) => {
      throw sandboxErrorFromFs(error, 'Recovering the workspace');
    });
  }

  async #recover(folder: HeldFolder, signal: AbortSignal): Promise<void> {
    await exchangeLock(folder, signal, () => recoverStagings(folder));
  }

  async #unpackTo(
    path: string,
    archive: ReadableStream<Bytes>,
    options: UnpackOptions,
    call: { readonly signal: AbortSignal; readonly progress: () => void },
  ): Promise<UnpackReport> {
    const wasThere = await this.#jail.hold(path).then(
      async (folder) => {
        await folder.release();
        return true;
      },
      (error) => {
        if (sandboxErrorFromFs(error, '').code === 'not-found') return false;
        throw error;
      },
    );
    try {
      return await this.#jail.withFolder(path, (target) => unpackInto(target, archive, options, call), {
        make: true,
      });
    } catch (error) {
      // As it was: without the folder that was only made for it.
      const place = splitPath(path);
      if (!wasThere && place !== null) {
        await this.#jail
          .withFolder(place.folder, (parent) => rmdir(parent.at(place.name)))
          .catch(() => undefined);
      }
      throw error;
    }
  }
}

async function unpackInto(
  target: HeldFolder,
  archive: ReadableStream<Bytes>,
  options: UnpackOptions,
  { signal, progress }: { readonly signal: AbortSignal; readonly progress: () => void },
): Promise<UnpackReport> {
  await exchangeLock(target, signal, () => recoverStagings(target));
  const staging = await Staging.create(target);
  try {
    const writer = new TreeWriter(staging.fresh, { keepSetId: options.allowOutwardLinks === true });
    try {
      const { limits, allowOutwardLinks } = options;
      const { manifest } = await readArchive(archive, { limits, allowOutwardLinks, signal }, (member) => {
        progress();
        return writer.make({ ...member, content: withProgress(member.content, progress) });
      });
      await writer.finish();
      await exchangeLock(target, signal, async () => {
        if (options.mode === 'merge') await judgeMerge(staging.fresh, target);
        throwIfAborted(signal, 'Unpacking');
        await staging.commit(options.mode);
      });
      await writer.closeFolders(target);
      // What it replaced; whatever is left of that is hidden, and swept by a later call.
      await staging.remove().catch(() => undefined);
      const files = manifest.entries.filter((entry) => entry.kind === 'file');
      const sizeBytes = files.reduce((sum, entry) => sum + entry.sizeBytes, 0);
      return { files: files.length, sizeBytes, manifest };
    } finally {
      await writer.release();
    }
  } catch (error) {
    // Half exchanged: what is staged is the only copy of the rest, and the next call goes on with it.
    if (staging.committed) throw halfExchanged(error);
    await staging.remove().catch(() => undefined);
    throw error;
  } finally {
    await staging.release();
  }
}

/** One exchange at a time in one folder, also between processes. */
function exchangeLock<T>(folder: HeldFolder, signal: AbortSignal, use: () => Promise<T>): Promise<T> {
  return withPathLock(folder, '', { betweenProcesses: true, signal }, use);
}

async function* withProgress(content: AsyncIterable<Bytes>, progress: () => void): AsyncGenerator<Bytes> {
  for await (const chunk of content) {
    progress();
    yield chunk;
  }
}

async function* itemsOf(folder: HeldFolder, what: string): AsyncGenerator<ArchiveItem, void, void> {
  try {
    yield* folderItems(folder);
  } catch (error) {
    throw sandboxErrorFromFs(error, what);
  }
}

function halfExchanged(cause: unknown): SandboxError {
  return new SandboxError(
    'outcome-unknown',
    'Unpacking broke off while the content was exchanged. Nothing is lost: unpack or pack again to finish it.',
    { cause, started: 'yes' },
  );
}
