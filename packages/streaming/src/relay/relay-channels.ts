// Every stream of a relay: who may join which, and who has to go.
import { ErrorCode, StreamCloseReason } from '@boxyard/agent-proto/messages';
import { RelayCloseCode } from '@boxyard/agent-proto/relay';
import { EpochFloors } from './epoch-floors.ts';
import { MemoryBudget } from './memory-budget.ts';
import { PairedChannel } from './paired-channel.ts';
import type { RelayCounters } from './relay-counters.ts';
import type { RelayLimits } from './relay-limits.ts';
import type { RelayPeer } from './relay-peer.ts';
import { channelKey, holderOfTicket, type RelayRefusal, type RelayTicket, refusal } from './relay-ticket.ts';

export class RelayChannels {
  readonly #limits: RelayLimits;
  readonly #counters: RelayCounters;
  readonly #now: () => number;
  readonly #budget: MemoryBudget;
  readonly #floors = new EpochFloors();
  readonly #channels = new Map<string, PairedChannel>();

  constructor(limits: RelayLimits, counters: RelayCounters, now: () => number) {
    this.#limits = limits;
    this.#counters = counters;
    this.#now = now;
    this.#budget = new MemoryBudget(limits.totalBytes);
  }

  get size(): number {
    return this.#channels.size;
  }

  get heldBytes(): number {
    return this.#budget.usedBytes;
  }

  *peers(): Generator<{ readonly channel: PairedChannel; readonly peer: RelayPeer }> {
    for (const channel of [...this.#channels.values()]) {
      if (channel.producer !== null) yield { channel, peer: channel.producer };
      for (const peer of [...channel.viewers]) yield { channel, peer };
    }
  }

  /** The channel that a ticket leads to, which is made when it is not there. */
  admit(ticket: RelayTicket): PairedChannel | RelayRefusal {
    const key = channelKey(ticket);
    const { viewer } = ticket;
    if (viewer !== null && !this.#floors.admit(key, viewer.sessionId, viewer.epoch, this.#now())) {
      return refusal(RelayCloseCode.replacedOrFenced, 'the session moved on', {
        errorCode: ErrorCode.FENCED,
        holder: holderOfTicket(ticket),
      });
    }
    const present = this.#channels.get(key);
    if (present === undefined && this.#channels.size >= this.#limits.channels) {
      return refusal(RelayCloseCode.rateLimited, 'the relay has as many streams as it can carry');
    }
    const tooMany = present !== undefined && present.viewerCount >= this.#limits.viewersPerChannel;
    if (viewer !== null && tooMany && !present.hasViewer(viewer.viewerId)) {
      return refusal(RelayCloseCode.rateLimited, 'the stream has as many viewers as it can have');
    }
    return present ?? this.#make(key, ticket.channelId);
  }

  /** Of one channel: a newer epoch of a session ends the sockets of the older ones. */
  cutBelowEpoch(channel: PairedChannel, sessionId: string, epoch: number): void {
    for (const peer of [...channel.viewers]) {
      const { viewer } = peer.ticket;
      if (viewer?.sessionId === sessionId && viewer.epoch < epoch) fence(peer);
    }
  }

  /** The session is elsewhere: on every channel its older sockets end, and no older token counts any more. */
  fenceSession(sessionId: string, epoch: number): void {
    this.#floors.raise(sessionId, epoch, this.#now());
    for (const channel of this.#channels.values()) this.cutBelowEpoch(channel, sessionId, epoch);
  }

  tick(): void {
    for (const channel of [...this.#channels.values()]) channel.tick();
  }

  closeAll(code: number): void {
    for (const channel of [...this.#channels.values()]) {
      channel.cutAll(code, null, 'the relay is going away');
    }
  }

  #make(key: string, channelId: string): PairedChannel {
    const channel: PairedChannel = new PairedChannel({
      channelId,
      limits: this.#limits,
      budget: this.#budget,
      counters: this.#counters,
      now: this.#now,
      onEmpty: () => {
        if (this.#channels.get(key) === channel) this.#channels.delete(key);
      },
    });
    this.#channels.set(key, channel);
    return channel;
  }
}

const fence = (peer: RelayPeer) =>
  peer.cut(RelayCloseCode.replacedOrFenced, StreamCloseReason.FENCED, 'the session moved on');
