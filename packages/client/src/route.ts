/** One operation of the API, as the document declares it. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With `{name}` where a parameter goes. */
  readonly path: string;
  /** When the same request may be sent again without asking. */
  readonly repeatable: 'always' | 'with-idempotency-key' | 'with-op-id' | 'never';
  /** Statuses that are answers; every other is a problem. */
  readonly answers: readonly number[];
}
