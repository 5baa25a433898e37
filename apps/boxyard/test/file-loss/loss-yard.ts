/** Leases as a server composes them, over real boxes of one provider, with the database's clock in a test's hand. */
import { stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { folderBlobStore } from '@boxyard/blobs';
import type { Backend } from '@boxyard/contracts';
import { BoxLeases, type LeasesSettings, type OpenBox, Reaper } from '@boxyard/leases';
import { createBackendRegistry, type Provider } from '@boxyard/sandbox-core';
import { openTestStore, type TestStore } from '@boxyard/store-postgres/testing';
import { v7 as uuidv7 } from 'uuid';

/** The provider ends a box of this age. */
export const BOX_LIFETIME_MS = 10 * 3_600_000;

const SETTINGS: Partial<LeasesSettings> = { lingerMs: 1, boxLifetimeMs: BOX_LIFETIME_MS };

export class LossYard implements AsyncDisposable {
  readonly group = { groupId: uuidv7(), workspaceId: uuidv7() };
  readonly leases: BoxLeases;
  readonly reaper: Reaper;
  readonly #store: TestStore;
  readonly #blobDir: string;
  readonly #backend: Backend;
  #offsetMs = 0;

  private constructor(store: TestStore, provider: Provider, folder: string) {
    this.#store = store;
    this.#blobDir = join(folder, 'blobs');
    this.#backend = provider.descriptor.backend;
    this.leases = new BoxLeases({
      deployment: this.group.groupId,
      store: store.leases,
      ledger: store.artifacts,
      usage: store.usage,
      blobs: folderBlobStore({ dir: this.#blobDir }),
      providers: createBackendRegistry({ [this.#backend]: provider }),
      settings: SETTINGS,
    });
    this.reaper = new Reaper(this.leases.context);
  }

  static async open(provider: Provider, folder: string): Promise<LossYard> {
    return new LossYard(await openTestStore(), provider, folder);
  }

  open(): Promise<OpenBox> {
    return this.leases.open({
      ...this.group,
      holder: { kind: 'turn', id: uuidv7(), subject: 'test' },
      spec: { backend: this.#backend },
    });
  }

  /** Time passes, and the reaper looks. */
  async pass(ms: number): Promise<void> {
    this.#offsetMs += ms;
    await this.#store.setClockOffset(this.#offsetMs);
    await this.reaper.tick();
  }

  async state(): Promise<string | undefined> {
    return (await this.leases.inspect(this.group.groupId))?.state;
  }

  /** Cuts off the second half of an archive, as a full disk or a broken copy does. */
  async cutArchive(state: 'current' | 'previous'): Promise<void> {
    const found = await this.#store.sql<{ key: string }[]>`
      SELECT archive_key AS key FROM artifacts WHERE group_id = ${this.group.groupId} AND state = ${state}
    `;
    if (found.length === 0) throw new Error(`There is no ${state} archive.`);
    for (const { key } of found) {
      const path = join(this.#blobDir, key);
      await truncate(path, Math.floor((await stat(path)).size / 2));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reaper.close();
    await this.leases.destroy(this.group);
    await this.leases.close();
    await this.#store.close();
  }
}
