/** Where the sessions of this process work, as far as it knows; the store tells when one moves. */
import { PointerCache } from '@boxyard/routing';
import { type PointerStore, SandboxError } from '@boxyard/sandbox-core';
import { LRUCache } from 'lru-cache';

const REMEMBERED = 10_000;

export class SessionPointers {
  readonly #store: PointerStore;
  readonly #caches: LRUCache<string, PointerCache>;

  constructor(store: PointerStore) {
    this.#store = store;
    this.#caches = new LRUCache({ max: REMEMBERED, dispose: (cache) => cache[Symbol.dispose]() });
  }

  of(workspaceId: string, sessionId: string): PointerCache {
    const key = `${workspaceId}/${sessionId}`;
    const known = this.#caches.get(key);
    if (known !== undefined) return known;
    const cache = new PointerCache({
      read: async (options) => {
        const found = await this.#store.read(workspaceId, sessionId, options);
        if (found !== null) return { activeSandboxId: found.activeSandboxId, activeEpoch: found.activeEpoch };
        throw new SandboxError('not-found', 'There is no such session. Check its id and its workspace.', {
          stage: 'session.find',
          started: 'no',
        });
      },
      subscribe: (onMoved) => this.#store.subscribe(sessionId, onMoved),
    });
    this.#caches.set(key, cache);
    return cache;
  }

  forget(workspaceId: string, sessionId: string): void {
    this.#caches.delete(`${workspaceId}/${sessionId}`);
  }
}
