import { createHash } from 'node:crypto';
import { isSameSecret, type KeyRecord, type KeyStore } from '@boxyard/sandbox-core';
import { LRUCache } from 'lru-cache';

/** A revoke acts at once by notification; this bounds how long it takes when a notification is lost. */
const CACHE_MS = 5_000;
const CACHED_KEYS = 10_000;

/** What is stored and looked up instead of a token. */
export const hashToken = (token: string): string => createHash('sha256').update(token).digest('hex');

/** Finds the key of a token. Known and unknown tokens are both cached, so that guessing costs no database. */
export class KeyRing implements Disposable {
  readonly #keys: KeyStore;
  readonly #cache = new LRUCache<string, { readonly key: KeyRecord | null }>({
    max: CACHED_KEYS,
    ttl: CACHE_MS,
  });
  readonly #unsubscribe: () => void;

  constructor(keys: KeyStore) {
    this.#keys = keys;
    this.#unsubscribe = keys.subscribe(() => this.#cache.clear());
  }

  /** Null for a token that is unknown, revoked or past its time. */
  find(token: string): Promise<KeyRecord | null> {
    return this.findByHash(hashToken(token));
  }

  /** The same for who was found by the token before, and kept its hash. */
  async findByHash(hash: string): Promise<KeyRecord | null> {
    let found = this.#cache.get(hash);
    if (!found) {
      found = { key: await this.#keys.findBySecret(hash) };
      this.#cache.set(hash, found);
    }
    const key = found.key;
    if (key === null || key.revokedAt !== null) return null;
    if (key.expiresAt !== null && key.expiresAt.getTime() <= Date.now()) return null;
    // The look-up compared with the database's own order of steps; this comparison takes the same time always.
    return isSameSecret(hash, key.secretSha256) ? key : null;
  }

  /** Drops what is known; a key made by this process is then found at once. */
  forget(): void {
    this.#cache.clear();
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
  }
}
