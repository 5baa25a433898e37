// What a StreamOpen entitles to: judged before anything is paired.

import { ErrorCode, StreamKind, type StreamOpen, StreamRole } from '@boxyard/agent-proto/messages';
import { RelayCloseCode, type RelayRendezvous } from '@boxyard/agent-proto/relay';
import { openMachineToken, SandboxError, verifyStreamToken } from '@boxyard/sandbox-core';

/** Who a viewer is and what it may do. */
export interface ViewerTicket {
  readonly viewerId: string;
  readonly sessionId: string;
  readonly epoch: number;
  readonly mode: 'view' | 'control';
  /** Of the one token that was shown. */
  readonly nonce: string | null;
}

export interface RelayTicket {
  readonly workspaceId: string;
  readonly agentId: string;
  readonly port: number;
  readonly channelId: string;
  readonly kind: StreamKind;
  readonly expiresAtMs: number;
  /** Null for the machine itself. */
  readonly viewer: ViewerTicket | null;
}

/** Whose a token is that was signed here, whether or not it opens anything. */
export interface TokenHolder {
  readonly workspaceId: string;
  /** The machine itself, or the one that a viewer's token is for. */
  readonly agentId: string | null;
  /** Null for the machine itself. */
  readonly viewerId: string | null;
  readonly sessionId: string | null;
}

/** Why somebody was not let in. */
export interface RelayRefusal {
  readonly closeCode: number;
  readonly errorCode: ErrorCode;
  readonly reason: string;
  /** Null where no genuine token was shown: then nobody knows who it was. */
  readonly holder: TokenHolder | null;
}

export const refusal = (
  closeCode: number,
  reason: string,
  { errorCode = ErrorCode.STREAM, holder = null }: Partial<Pick<RelayRefusal, 'errorCode' | 'holder'>> = {},
): RelayRefusal => ({ closeCode, errorCode, reason, holder });

/** Of a ticket, as of the token that it was made of. */
export const holderOfTicket = ({ workspaceId, agentId, viewer }: RelayTicket): TokenHolder => ({
  workspaceId,
  agentId,
  viewerId: viewer?.viewerId ?? null,
  sessionId: viewer?.sessionId ?? null,
});

/** What producer and viewers of one stream have in common, as one word. */
export const channelKey = ({ workspaceId, agentId, port, channelId }: RelayTicket): string =>
  JSON.stringify([workspaceId, agentId, port, channelId]);

const DESKTOP_PORT = 6080;

/** @param at What the address said; the message must say the same. */
export function judgeOpen(
  open: StreamOpen,
  at: RelayRendezvous,
  secret: string | Uint8Array,
  nowMs: number,
): RelayTicket | RelayRefusal {
  const judged = judge(open, at, secret, nowMs);
  return 'closeCode' in judged ? { ...judged, holder: holderOf(open.token, secret) } : judged;
}

/** Null for a token that was not signed here. */
function holderOf(token: string, secret: string | Uint8Array): TokenHolder | null {
  // At the beginning of time nothing has run out: what is left to be wrong is the signature.
  const now = new Date(0);
  try {
    const { workspaceId, agentId } = openMachineToken('relay', token, secret, { now });
    return { workspaceId, agentId, viewerId: null, sessionId: null };
  } catch {
    // It may be a viewer's.
  }
  try {
    const { workspaceId, agentId = null, viewerId, sessionId } = verifyStreamToken(secret, token, {}, now);
    return { workspaceId, agentId, viewerId, sessionId };
  } catch {
    return null;
  }
}

function judge(
  open: StreamOpen,
  at: RelayRendezvous,
  secret: string | Uint8Array,
  nowMs: number,
): RelayTicket | RelayRefusal {
  const { channel } = open;
  const same =
    channel !== undefined &&
    channel.workspaceId === at.workspaceId &&
    channel.agentId === at.agentId &&
    channel.port === at.port &&
    (at.channelId === null || channel.channelId === at.channelId);
  if (!same) return refusal(RelayCloseCode.notAllowed, 'the channel is not that of the address');
  const place = {
    workspaceId: at.workspaceId,
    agentId: at.agentId,
    port: at.port,
    channelId: channel.channelId,
    kind: channel.kind || (at.port === DESKTOP_PORT ? StreamKind.DESKTOP : StreamKind.PTY),
  };
  try {
    switch (open.role) {
      case StreamRole.AGENT: {
        const { workspaceId, agentId } = at;
        const scope = { workspaceId, agentId };
        const { exp } = openMachineToken('relay', open.token, secret, { now: new Date(nowMs), scope });
        return { ...place, expiresAtMs: exp * 1000, viewer: null };
      }
      case StreamRole.CLIENT:
        return judgeViewer(open.token, place, secret, nowMs);
      default:
        return refusal(RelayCloseCode.notAllowed, 'the role is unknown');
    }
  } catch (error) {
    if (!SandboxError.hasCode(error, 'denied')) throw error;
    return error.stage === 'token.scope'
      ? refusal(RelayCloseCode.notAllowed, 'the token is for another stream')
      : refusal(RelayCloseCode.unauthenticated, `the token is no good: ${error.stage}`);
  }
}

function judgeViewer(
  token: string,
  place: Omit<RelayTicket, 'expiresAtMs' | 'viewer'>,
  secret: string | Uint8Array,
  nowMs: number,
): RelayTicket | RelayRefusal {
  const { workspaceId, agentId, port, channelId } = place;
  const claims = verifyStreamToken(secret, token, { workspaceId, agentId, port }, new Date(nowMs));
  // Compared here and not as a scope, because a token without a channel is for no channel and not for all.
  if ((claims.channelId ?? '') !== channelId) {
    return refusal(RelayCloseCode.notAllowed, 'the token is for another stream');
  }
  const { viewerId, sessionId, leaseEpoch, mode, nonce } = claims;
  return {
    ...place,
    expiresAtMs: claims.exp * 1000,
    viewer: { viewerId, sessionId, epoch: leaseEpoch, mode, nonce: nonce ?? null },
  };
}
