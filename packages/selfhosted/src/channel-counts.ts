// What passed over each channel of a stream, counted and digested in the same way on both sides of the wire.
import { createHash } from 'node:crypto';
import { OpChannel } from '@boxyard/agent-proto/messages';
import { blake3 } from '@noble/hashes/blake3.js';
import { bytesToHex } from '@noble/hashes/utils.js';

/** BLAKE3 is what the protocol knows; SHA-256 is what processors know, so our own agents are asked for it. */
export type DigestKind = 'blake3' | 'sha256';

/** What a change counts against a window, beside its path. */
export const CHANGE_BYTES = 64;

interface Count {
  readonly update: (bytes: Uint8Array) => unknown;
  readonly hex: () => string;
  total: number;
}

const NAMES: ReadonlyMap<OpChannel, string> = new Map([
  [OpChannel.STDOUT, 'stdout'],
  [OpChannel.STDERR, 'stderr'],
  [OpChannel.CONTENT, 'content'],
  [OpChannel.RESULT, 'result'],
]);

export class ChannelCounts {
  readonly #kind: DigestKind;
  readonly #counts = new Map<string, Count>();

  constructor(kind: DigestKind) {
    this.#kind = kind;
    this.#count('stdout');
    this.#count('stderr');
  }

  add(channel: OpChannel, bytes: Uint8Array): void {
    const count = this.#count(NAMES.get(channel) ?? `channel-${channel}`);
    count.update(bytes);
    count.total += bytes.length;
  }

  /** By name of the channel. To be asked once, at the end. */
  result(): { readonly digests: Record<string, string>; readonly totals: Record<string, bigint> } {
    const counts = [...this.#counts];
    return {
      digests: Object.fromEntries(counts.map(([name, { hex }]) => [name, hex()])),
      totals: Object.fromEntries(counts.map(([name, { total }]) => [name, BigInt(total)])),
    };
  }

  #count(name: string): Count {
    const present = this.#counts.get(name);
    if (present !== undefined) return present;
    const made = newCount(this.#kind);
    this.#counts.set(name, made);
    return made;
  }
}

function newCount(kind: DigestKind): Count {
  if (kind === 'sha256') {
    const hash = createHash('sha256');
    return { update: (bytes) => hash.update(bytes), hex: () => hash.digest('hex'), total: 0 };
  }
  const hash = blake3.create();
  return { update: (bytes) => hash.update(bytes), hex: () => bytesToHex(hash.digest()), total: 0 };
}
