import type { ApiContext } from './define-route.ts';

/** What the Node adapter puts into the environment of a request. */
interface NodeBindings {
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } };
}

/**
 * Who is at the other end of the connection, for counting. Headers that a proxy adds are not believed, because
 * anybody may send them. An IPv6 host has a whole network of addresses: they count as one.
 */
export function clientAddress(c: Pick<ApiContext, 'env'>): string {
  const { incoming } = (c.env ?? {}) as NodeBindings;
  const address = incoming?.socket?.remoteAddress ?? 'unknown';
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  return address.includes(':') ? networkOf(address) : address;
}

/** The first 64 bits. */
function networkOf(address: string): string {
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const [left, right] = [head, tail ?? ''].map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = tail === undefined ? 0 : 8 - left!.length - right!.length;
  const groups = [...left!, ...Array.from({ length: Math.max(0, zeros) }, () => '0'), ...right!];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
