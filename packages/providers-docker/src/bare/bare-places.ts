// Where paths of a bare box really lead, judged by its shell, and what lies there.
import { SandboxError } from '@boxyard/sandbox-core';
import type { Engine } from '../engine.ts';
import { fileFailure } from '../shell-files/file-failure.ts';
import type { FilesLink } from '../shell-files/files-link.ts';
import { MAX_HASHED_BYTES } from '../shell-files/shell-files.ts';
import { BareFile, type BarePlace, linkTarget, parsePlace } from './bare-file.ts';

export interface BarePlacesOptions {
  readonly engine: Engine;
  readonly container: string;
  readonly link: FilesLink;
  readonly epoch: number;
}

export interface LocateOptions {
  /** False for the name itself; true when absent. */
  readonly follow?: boolean;
  /** Makes the folders above it. */
  readonly make?: boolean;
  /** Statuses that mean nothing is there, and are answered by null. */
  readonly nothing?: readonly number[];
}

const MOST_LINKS = 40;
const TRIES = 5;
const WRONG_KIND: ReadonlyMap<string, number> = new Map([
  ['n', 2],
  ['d', 7],
  ['o', 13],
  ['l', 15],
]);

export class BarePlaces {
  readonly #options: BarePlacesOptions;

  constructor(options: BarePlacesOptions) {
    this.#options = options;
  }

  async locate(at: string, what: string, options: LocateOptions = {}): Promise<BarePlace | null> {
    const { engine, container, link } = this.#options;
    const { follow = true, make = false, nothing = [] } = options;
    const flag = (set: boolean) => (set ? '1' : '0');
    const told: string[] = [];
    while (told.length <= MOST_LINKS) {
      const reply = await link.request('locate', [at, flag(follow), flag(make), ...told]);
      if (reply.kind === 'status') {
        if (nothing.includes(reply.status)) return null;
        throw fileFailure(reply, what, this.#options.epoch);
      }
      const found = parsePlace(Buffer.from(reply.bytes).toString('utf8'));
      if (found === null) {
        throw new SandboxError('unreachable', `${what} failed: the box answered nonsense; open it again.`);
      }
      if (!found.asks) return found;
      const target = await linkTarget(engine, container, found.path);
      if (target !== null) told.push(target);
    }
    throw this.failure(16, what);
  }

  /** A file of one moment: what is exchanged between two looks is looked at anew. */
  async take(at: string, what: string, signal: AbortSignal): Promise<BareFile> {
    const { engine, container } = this.#options;
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const found = await this.locate(at, what);
      const status = WRONG_KIND.get(found?.kind ?? 'n') ?? (found?.readable ? undefined : 4);
      if (found === null || status !== undefined) throw this.failure(status ?? 2, what);
      const file = await BareFile.take(engine, container, found.path, what, signal);
      const again = await this.locate(at, what).catch(() => null);
      if (file !== null && again?.path === found.path) return file;
      file?.close();
    }
    throw this.failure(15, what);
  }

  async version(at: string, what: string, signal: AbortSignal): Promise<string> {
    const file = await this.take(at, what, signal);
    file.close();
    return versionOf(file);
  }

  /** The error that the box's own shell would have given this status for. */
  failure(status: number, what: string): SandboxError {
    return fileFailure({ kind: 'status', seq: 0, status, text: '' }, what, this.#options.epoch);
  }
}

export const versionOf = (file: BareFile) =>
  file.sizeBytes > MAX_HASHED_BYTES ? factsVersion(file) : `sha256-${file.sha256}`;

/** The archive API tells no inode. */
export const factsVersion = ({
  mtimeNs,
  sizeBytes,
}: {
  readonly mtimeNs: bigint;
  readonly sizeBytes: number;
}) => `st-${mtimeNs}-${sizeBytes}-0`;
