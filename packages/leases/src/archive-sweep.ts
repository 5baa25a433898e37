import type { CallOptions } from '@boxyard/sandbox-core';
import { ARCHIVE_PREFIX } from './capture-box.ts';
import type { LeaseContext } from './lease-context.ts';

const PAGE = 200;

/**
 * Looks for archives that the ledger does not know. A capture that stood still until it was given up may store its
 * bytes after its entry has gone, and die before it can remove them.
 */
export class ArchiveSweep {
  readonly #context: LeaseContext;

  constructor(context: LeaseContext) {
    this.#context = context;
  }

  /** Keys of archives and manifests of our groups that nothing refers to. Another deployment's are none. */
  async *unknown(options: CallOptions = {}): AsyncGenerator<string> {
    let page: string[] = [];
    for await (const { key } of this.#context.blobs.list(ARCHIVE_PREFIX, options)) {
      page.push(key);
      if (page.length < PAGE) continue;
      yield* await this.#judge(page, options);
      page = [];
    }
    yield* await this.#judge(page, options);
  }

  /** Deletes what is unknown; answers how many. What fails is told and found again by the next sweep. */
  async run(options: CallOptions = {}): Promise<number> {
    let deleted = 0;
    for await (const key of this.unknown(options)) {
      await this.#context.attempt('sweep.archive', groupOf(key), async () => {
        await this.#context.blobs.delete(key, options);
        deleted += 1;
      });
    }
    return deleted;
  }

  /** Read after the list: an entry is there before its first byte and goes after its last one. */
  async #judge(keys: readonly string[], options: CallOptions): Promise<readonly string[]> {
    if (keys.length === 0) return [];
    const blobs = keys.map((key) => ({ key, groupId: groupOf(key) }));
    return this.#context.ledger.unknown(blobs, options);
  }
}

const groupOf = (key: string) => key.slice(ARCHIVE_PREFIX.length).split('/')[0] ?? '';
