import type { Permission } from '@boxyard/contracts';

/** An API key as stored: its secret only as a SHA-256. */
export interface KeyRecord {
  readonly id: string;
  readonly workspaceId: string;
  readonly name: string;
  readonly secretSha256: string;
  readonly permissions: readonly Permission[];
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
}

export interface KeyStore {
  create(key: KeyRecord): Promise<void>;
  findBySecret(secretSha256: string): Promise<KeyRecord | null>;
  list(workspaceId: string): Promise<readonly KeyRecord[]>;
  /** Answers whether there was such a key; revoking twice keeps the first time. */
  revoke(workspaceId: string, keyId: string): Promise<boolean>;
  /** Calls back when any key changed, in any process, so that caches drop it. Answers how to stop. */
  subscribe(onChanged: () => void): () => void;
}
