// Sockets from their websocket to an accepted StreamOpen, and what they say from then on.

import {
  AgentErrorSchema,
  StreamCloseReason,
  type StreamOpen,
  StreamOpenAckSchema,
} from '@boxyard/agent-proto/messages';
import {
  decodeRelayMessage,
  encodeOpenAck,
  RelayCloseCode,
  type RelayMessage,
  type RelayRendezvous,
  type UnknownRelayMessage,
} from '@boxyard/agent-proto/relay';
import { create } from '@bufbuild/protobuf';
import type { RawData, WebSocket } from 'ws';
import { NewestTokens } from './newest-tokens.ts';
import type { PairedChannel } from './paired-channel.ts';
import type { RelayChannels } from './relay-channels.ts';
import type { RelayCounters } from './relay-counters.ts';
import type { RelayLimits } from './relay-limits.ts';
import type { RelayOptions } from './relay-options.ts';
import { endSoon, RelayPeer } from './relay-peer.ts';
import {
  channelKey,
  holderOfTicket,
  judgeOpen,
  type RelayRefusal,
  type RelayTicket,
  refusal,
} from './relay-ticket.ts';
import type { Revocations } from './revocations.ts';

export interface RelaySocketParts {
  readonly options: RelayOptions;
  readonly limits: RelayLimits;
  readonly counters: RelayCounters;
  readonly channels: RelayChannels;
  readonly revocations: Revocations;
  readonly now: () => number;
}

const PROTOCOL_ERROR = 1002;
const UNSUPPORTED_DATA = 1003;
const TRY_AGAIN_LATER = 1013;

/** Takes a socket through its life. */
export class RelaySockets {
  readonly #parts: RelaySocketParts;
  readonly #pending = new Set<WebSocket>();
  readonly #overstepped = new WeakSet<RelayPeer>();
  readonly #newest = new NewestTokens();

  constructor(parts: RelaySocketParts) {
    this.#parts = parts;
  }

  get pendingCount(): number {
    return this.#pending.size;
  }

  accept(socket: WebSocket, at: RelayRendezvous): void {
    const { limits, counters } = this.#parts;
    // What was wrong with a socket shows in its close.
    socket.on('error', () => {});
    this.#pending.add(socket);
    const timer = setTimeout(
      () => this.#refuse(socket, at, refusal(RelayCloseCode.openTimeout, 'nothing was opened in time')),
      limits.openTimeoutMs,
    );
    const settle = () => {
      clearTimeout(timer);
      this.#pending.delete(socket);
    };
    socket.once('close', settle);
    // What comes in the same breath as the first message waits until that was judged; no more of it is read.
    const early: (readonly [RawData, boolean])[] = [];
    socket.on('message', (data, isBinary) => early.push([data, isBinary]));
    socket.once('message', (data, isBinary) => {
      settle();
      socket.pause();
      early.shift();
      const message = parse(data, isBinary);
      if (message?.parsed.kind !== 'open') {
        counters.nonsense += 1;
        this.#refuse(
          socket,
          at,
          refusal(RelayCloseCode.unauthenticated, 'the first message opens no stream'),
        );
        return;
      }
      this.#open(socket, at, message.parsed.value, early).catch(() => end(socket, TRY_AGAIN_LATER));
    });
  }

  close(): void {
    for (const socket of this.#pending) end(socket, 1001);
  }

  async #open(
    socket: WebSocket,
    at: RelayRendezvous,
    open: StreamOpen,
    early: readonly (readonly [RawData, boolean])[],
  ): Promise<void> {
    const { options, channels, now } = this.#parts;
    const judged = judgeOpen(open, at, options.secret, now());
    if ('closeCode' in judged) return this.#refuse(socket, at, judged);
    if (await this.#isRevoked(judged)) {
      return this.#refuse(
        socket,
        at,
        refusal(RelayCloseCode.unauthenticated, 'the token was revoked', { holder: holderOfTicket(judged) }),
      );
    }
    if (socket.readyState !== socket.OPEN) return;
    if (this.#isReplayed(judged)) {
      return this.#refuse(
        socket,
        at,
        refusal(RelayCloseCode.unauthenticated, REPLAYED, { holder: holderOfTicket(judged) }),
      );
    }
    const admitted = channels.admit(judged);
    if ('closeCode' in admitted) return this.#refuse(socket, at, admitted);
    const peer = this.#pair(socket, judged, admitted, open);
    socket.removeAllListeners('message');
    for (const [data, isBinary] of early) this.#hear(peer, admitted, data, isBinary);
    socket.on('message', (data, isBinary) => this.#hear(peer, admitted, data, isBinary));
    peer.hold('opening', false);
  }

  async #isRevoked(ticket: RelayTicket): Promise<boolean> {
    const { options, revocations, now } = this.#parts;
    return revocations.includes(ticket, now()) || ((await options.isRevoked?.(ticket)) ?? false);
  }

  /** Of a viewer: it has shown a newer one. */
  #isReplayed(ticket: RelayTicket): boolean {
    const { viewer, expiresAtMs } = ticket;
    if (viewer === null) return false;
    return !this.#newest.admit(channelKey(ticket), viewer.viewerId, expiresAtMs, this.#parts.now());
  }

  #pair(socket: WebSocket, ticket: RelayTicket, channel: PairedChannel, open: StreamOpen): RelayPeer {
    const { limits, counters, now, options, channels } = this.#parts;
    const peer = new RelayPeer(socket, ticket, Number(open.windowBytes), { limits, counters, now });
    const from = Number(open.resumeFromSeq);
    const { viewer } = ticket;
    const wanted =
      viewer === null ? channel.joinProducer(peer, from) : channel.joinViewer(viewer.viewerId, peer, from);
    socket.once('close', (code) => {
      channel.leave(peer, code);
      options.onNotice?.({ kind: 'closed', ticket: peer.ticket, closeCode: code });
    });
    peer.send(
      encodeOpenAck(
        create(StreamOpenAckSchema, {
          accepted: true,
          resumeFromSeq: BigInt(wanted),
          windowBytes: BigInt(peer.windowBytes === 0 ? 0 : limits.windowBytes),
        }),
      ),
    );
    channel.start(peer);
    options.onNotice?.({ kind: 'opened', ticket });
    if (viewer !== null) channels.cutBelowEpoch(channel, viewer.sessionId, viewer.epoch);
    return peer;
  }

  #hear(peer: RelayPeer, channel: PairedChannel, data: RawData, isBinary: boolean): void {
    const { counters } = this.#parts;
    // Somebody who was cut may go on talking until its socket is closed.
    if (peer.socket.readyState !== peer.socket.OPEN) return;
    peer.hear();
    const message = parse(data, isBinary);
    if (message === null || message.parsed.kind === 'openAck') {
      counters.nonsense += 1;
      peer.close(isBinary ? PROTOCOL_ERROR : UNSUPPORTED_DATA, 'no message for a relay');
      return;
    }
    const { parsed, bytes } = message;
    const tooFast = peer.charge(bytes.length) > 0;
    if (parsed.kind === 'unknown') return;
    if (parsed.kind === 'open') this.#renew(peer, parsed.value);
    else if (parsed.value.channelId !== '' && parsed.value.channelId !== peer.ticket.channelId) {
      peer.cut(RelayCloseCode.notAllowed, null, 'a message of another channel');
    } else if (tooFast && peer.ticket.viewer?.mode === 'view') {
      // All of it is dropped anyway: somebody who only watches has nothing to say so fast.
      peer.cut(
        RelayCloseCode.rateLimited,
        StreamCloseReason.RATE_LIMITED,
        'a viewer that only watches sent too much',
      );
    } else {
      this.#noticeOverstep(peer, parsed.kind);
      channel.hear(peer, parsed, bytes);
    }
  }

  #noticeOverstep(peer: RelayPeer, said: RelayMessage['kind']): void {
    const { ticket } = peer;
    if (ticket.viewer?.mode !== 'view' || (said !== 'frame' && said !== 'input')) return;
    if (this.#overstepped.has(peer)) return;
    this.#overstepped.add(peer);
    this.#parts.options.onNotice?.({ kind: 'overstepped', ticket });
  }

  /** A fresh token on a socket that stays: for the same stream, the same viewer and no more rights. */
  #renew(peer: RelayPeer, open: StreamOpen): void {
    const present = peer.ticket;
    const fresh = this.#judgeRenewal(present, open);
    if (!('closeCode' in fresh)) {
      peer.renew(fresh);
      return;
    }
    const { closeCode, reason, holder } = fresh;
    const { workspaceId, agentId, port, channelId } = present;
    const at = { workspaceId, agentId, port, channelId };
    this.#parts.options.onNotice?.({ kind: 'refused', closeCode, reason, ...at, holder });
    peer.cut(closeCode, null, reason);
  }

  #judgeRenewal(present: RelayTicket, open: StreamOpen): RelayTicket | RelayRefusal {
    const { options, now, revocations } = this.#parts;
    const fresh = judgeOpen(open, present, options.secret, now());
    if ('closeCode' in fresh) return fresh;
    const holder = holderOfTicket(fresh);
    if (!isSameHolder(present, fresh) || revocations.includes(fresh, now())) {
      return refusal(RelayCloseCode.notAllowed, 'the fresh token is for somebody else', { holder });
    }
    return this.#isReplayed(fresh) ? refusal(RelayCloseCode.unauthenticated, REPLAYED, { holder }) : fresh;
  }

  #refuse(
    socket: WebSocket,
    at: RelayRendezvous,
    { closeCode, errorCode, reason, holder }: RelayRefusal,
  ): void {
    this.#parts.counters.countRefusal(closeCode);
    this.#parts.options.onNotice?.({ kind: 'refused', closeCode, reason, ...at, holder });
    const error = create(AgentErrorSchema, {
      code: errorCode,
      message: `The stream was refused: ${reason}.`,
    });
    if (socket.readyState === socket.OPEN) {
      socket.send(encodeOpenAck(create(StreamOpenAckSchema, { accepted: false, error })));
    }
    end(socket, closeCode, reason);
  }
}

const REPLAYED = 'the token was replaced by a newer one';

function isSameHolder(one: RelayTicket, other: RelayTicket): boolean {
  return (
    one.viewer?.viewerId === other.viewer?.viewerId &&
    one.viewer?.sessionId === other.viewer?.sessionId &&
    one.viewer?.mode === other.viewer?.mode &&
    (one.viewer?.epoch ?? 0) <= (other.viewer?.epoch ?? 0)
  );
}

interface ParsedMessage {
  readonly parsed: RelayMessage | UnknownRelayMessage;
  /** As it came, tag and all. */
  readonly bytes: Uint8Array;
}

/** Null for what is no message. */
function parse(data: RawData, isBinary: boolean): ParsedMessage | null {
  if (!isBinary || !(data instanceof Buffer)) return null;
  const parsed = decodeRelayMessage(data);
  return parsed === null || !isCountable(parsed) ? null : { parsed, bytes: data };
}

/** Numbers beyond what can be counted exactly come from nobody who counts. */
function isCountable(message: RelayMessage | UnknownRelayMessage): boolean {
  const fits = (value: bigint) => value <= BigInt(Number.MAX_SAFE_INTEGER - 1);
  switch (message.kind) {
    case 'open':
      return fits(message.value.resumeFromSeq) && fits(message.value.windowBytes);
    case 'frame':
      return fits(message.value.seq);
    case 'ack':
      return fits(message.value.nextSeq);
    default:
      return true;
  }
}

function end(socket: WebSocket, code: number, reason = ''): void {
  socket.resume();
  socket.close(code, reason);
  endSoon(socket);
}
