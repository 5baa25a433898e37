export interface IdempotencyClaim {
  readonly workspaceId: string;
  readonly key: string;
  readonly bodyDigest: string;
}

export type IdempotencyState =
  /** This caller does the work and finishes or abandons the claim. */
  | { readonly kind: 'claimed' }
  | { readonly kind: 'in-flight' }
  | { readonly kind: 'other-body' }
  | { readonly kind: 'done'; readonly status: number; readonly body: string };

/** Keeps a key for 24 h. A claim whose process died is free again after its time-out. */
export interface IdempotencyStore {
  claim(claim: IdempotencyClaim, options: { readonly claimTimeoutMs: number }): Promise<IdempotencyState>;
  finish(claim: IdempotencyClaim, answer: { readonly status: number; readonly body: string }): Promise<void>;
  abandon(claim: IdempotencyClaim): Promise<void>;
  trim(olderThan: Date, limit: number): Promise<number>;
}
