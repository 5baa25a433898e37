import { untilRead } from '@boxyard/routing';
import type { ActiveBox } from '@boxyard/sessions';
import type { ApiContext } from './define-route.ts';
import type { ApiServices } from './services.ts';

export interface OpenForOptions {
  /** `viewer` for who only looks: it does not keep a box. */
  readonly kind?: 'request' | 'viewer';
  /** The workspace is about to change. */
  readonly mutates?: boolean;
}

/** Opens the session's box for this request; the caller disposes of it when its answer is complete. */
export function openBoxFor(
  c: ApiContext,
  { boxes }: ApiServices,
  { kind = 'request', mutates = false }: OpenForOptions = {},
): Promise<ActiveBox> {
  return boxes.open(
    c.get('workspace').id,
    c.req.param('sid') ?? '',
    { kind, id: c.get('requestId'), subject: c.get('key').id },
    { signal: c.req.raw.signal, mutates },
  );
}

/** The answer with the group that it is about: after a swap a client must know which box it looked at. */
export async function withBox<Answer extends object>(
  c: ApiContext,
  services: ApiServices,
  work: (active: ActiveBox) => Promise<Answer>,
  options: OpenForOptions = {},
): Promise<Answer & { sandboxGroupId: string }> {
  await using active = await openBoxFor(c, services, options);
  return { ...(await work(active)), sandboxGroupId: active.group.id };
}

/** The same stream; the box is held until it was read to its end, broke, or was given up by the client. */
export function heldWhileRead(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  active: AsyncDisposable,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return untilRead(stream, async () => active[Symbol.asyncDispose]());
}
