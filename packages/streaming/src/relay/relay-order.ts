// What a control plane tells a relay that runs as another process: signed with the secret that both have, so that the
// relay needs no keys of its own. An order may be told twice; it changes nothing the second time.
import { openToken, SandboxError, signToken } from '@boxyard/sandbox-core';
import { z } from 'zod';
import type { RevokedStreams } from './revocations.ts';

/** What a relay is to do at once. */
export type RelayOrder =
  | { readonly kind: 'revoke'; readonly what: RevokedStreams }
  | { readonly kind: 'fence-session'; readonly sessionId: string; readonly epoch: number };

export const ORDER_PATH = '/orders';

const PREFIX = 'ogro_';
/** One that was heard by somebody else is worth nothing soon after. */
const TTL_MS = 60_000;
const TIMEOUT_MS = 10_000;

const optional = z.string().max(128).optional();
const Order = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('revoke'),
    what: z.strictObject({ viewerId: optional, sessionId: optional, agentId: optional, nonce: optional }),
  }),
  z.object({
    kind: z.literal('fence-session'),
    sessionId: z.string().max(128),
    epoch: z.int().nonnegative(),
  }),
]);

export function signOrder(secret: string | Uint8Array, order: RelayOrder, nowMs: number): string {
  return signToken(PREFIX, { ...order, exp: Math.floor((nowMs + TTL_MS) / 1000) }, secret);
}

/** @throws SandboxError `denied` for an order that was not signed with this secret, or is old. */
export function openOrder(secret: string | Uint8Array, text: string, nowMs: number): RelayOrder {
  return openToken(PREFIX, text, secret, Order, new Date(nowMs));
}

/**
 * Tells one relay.
 *
 * @param relay Its address, as machines dial it.
 * @throws SandboxError `unreachable` when it may not have heard it: tell it again.
 */
export async function tellRelay(
  relay: string,
  secret: string | Uint8Array,
  order: RelayOrder,
): Promise<void> {
  const url = new URL(ORDER_PATH, relay.replace(/^ws/, 'http'));
  const failed = (cause?: unknown) =>
    new SandboxError('unreachable', `The relay at ${url.host} did not take an order. Check that it runs.`, {
      started: 'unknown',
      cause,
    });
  const response = await fetch(url, {
    method: 'POST',
    body: signOrder(secret, order, Date.now()),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch((cause: unknown) => {
    throw failed(cause);
  });
  if (response.status !== 204) throw failed();
}
