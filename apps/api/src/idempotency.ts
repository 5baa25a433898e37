import { createHash } from 'node:crypto';
import { IdempotencyKey } from '@boxyard/contracts';
import type { IdempotencyStore } from '@boxyard/sandbox-core';
import type { ApiContext } from './define-route.ts';
import { ApiError } from './problem.ts';
import { actOf } from './request-audit.ts';

/** Longer than any create takes; a claim whose server died is free again after it. */
const CLAIM_TIMEOUT_MS = 120_000;

/**
 * Runs `create` at most once for the request's `Idempotency-Key`; a repetition gets the first answer. Without
 * the header it just runs. A create that failed leaves the key free, so that it can be tried again.
 */
export async function createOnce(
  c: ApiContext,
  store: IdempotencyStore,
  body: unknown,
  create: () => Promise<object>,
): Promise<Response> {
  const header = c.req.header('idempotency-key');
  if (header === undefined) return c.json(await create(), 201);
  const key = IdempotencyKey.safeParse(header);
  if (!key.success) {
    throw new ApiError('invalid', 'The Idempotency-Key is not valid: use 1-255 printable ASCII characters.');
  }
  const claim = {
    workspaceId: c.get('workspace').id,
    key: key.data,
    bodyDigest: createHash('sha256')
      .update(`${c.req.method} ${c.req.path}\n${canonical(body)}`)
      .digest('hex'),
  };
  const state = await store.claim(claim, { claimTimeoutMs: CLAIM_TIMEOUT_MS });
  switch (state.kind) {
    case 'done':
      // Nothing was created now; the first request left its own entry.
      actOf(c).stored = true;
      return c.body(state.body, state.status as 201, { 'content-type': 'application/json' });
    case 'in-flight':
      throw new ApiError(
        'conflict',
        'A request with this Idempotency-Key is being worked on. Wait for its answer.',
        {
          retryable: true,
          retryAfterSeconds: 1,
        },
      );
    case 'other-body':
      throw new ApiError(
        'idempotency-mismatch',
        'This Idempotency-Key was used with another request within 24 h. Use a new key.',
      );
    case 'claimed':
      break;
  }
  try {
    const answer = JSON.stringify(await create());
    await store.finish(claim, { status: 201, body: answer });
    return c.body(answer, 201, { 'content-type': 'application/json' });
  } catch (error) {
    await store.abandon(claim);
    throw error;
  }
}

/** The same for every order of an object's members. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    member !== null && typeof member === 'object' && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
