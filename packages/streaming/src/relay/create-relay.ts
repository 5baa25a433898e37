// Pairs the machines that produce streams with those who watch and use them. Both dial in; neither opens a port.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { parseRelayQuery, RELAY_PATH, RelayCloseCode } from '@boxyard/agent-proto/relay';
import { isSameSecret } from '@boxyard/sandbox-core';
import { WebSocketServer } from 'ws';
import { RelayChannels } from './relay-channels.ts';
import { RelayCounters, type RelayNow } from './relay-counters.ts';
import { DEFAULT_RELAY_LIMITS } from './relay-limits.ts';
import { type RelayReadings, relayMetricsText, relayReadings } from './relay-metrics.ts';
import type { RelayOptions } from './relay-options.ts';
import { ORDER_PATH, openOrder } from './relay-order.ts';
import type { RelayPeer } from './relay-peer.ts';
import { RelaySockets } from './relay-sockets.ts';
import { fits, Revocations, type RevokedStreams } from './revocations.ts';

/** A running relay. It listens nowhere by itself: attach it to servers. */
export interface Relay {
  /** Takes `/stream` of this server, and leaves every other path to the server's own listeners. */
  attach(server: Server): void;
  /** Answers `/healthz`, `/metrics` and orders of `tellRelay`; false for another path, which is then not answered. */
  handle(request: IncomingMessage, response: ServerResponse): boolean;
  /** Ends these streams at once, and refuses their tokens until they have run out. */
  revoke(what: RevokedStreams): void;
  /** The session is at this epoch now: its streams of earlier epochs end. */
  fenceSession(sessionId: string, epoch: number): void;
  now(): RelayNow;
  /** The values of `RELAY_METRICS`. */
  readings(): RelayReadings;
  /** Says goodbye to everybody. Idempotent. */
  close(): Promise<void>;
}

const TICK_MS = 1000;
const REVOCATION_CHECK_MS = 2000;
/** Before it has shown a token nobody may send more. */
const UNOPENED_BYTES = 32 * 1024;
const MAX_ORDER_CHARACTERS = 4096;
const GOING_AWAY = 1001;

export function createRelay(options: RelayOptions): Relay {
  const limits = { ...DEFAULT_RELAY_LIMITS, ...options.limits };
  const now = options.now ?? Date.now;
  const counters = new RelayCounters();
  const channels = new RelayChannels(limits, counters, now);
  const revocations = new Revocations();
  const sockets = new RelaySockets({ options, limits, counters, channels, revocations, now });
  const upgrades = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: limits.messageBytes,
    clientTracking: true,
  });
  const attached: (readonly [Server, (request: IncomingMessage, socket: Duplex, head: Buffer) => void])[] =
    [];
  let closed = false;
  let checking = false;

  const cut = (peer: RelayPeer, why: string) => peer.cut(RelayCloseCode.unauthenticated, null, why);

  const tick = setInterval(() => {
    for (const { peer } of channels.peers())
      if (peer.ticket.expiresAtMs + TICK_MS <= now()) cut(peer, 'the token has run out');
    channels.tick();
  }, TICK_MS);
  const ping = setInterval(() => {
    for (const { peer } of channels.peers()) peer.checkAlive();
  }, limits.pingIntervalMs);
  const revocationCheck = setInterval(() => void checkRevocations(), REVOCATION_CHECK_MS);
  for (const timer of [tick, ping, revocationCheck]) timer.unref();

  async function checkRevocations(): Promise<void> {
    const { isRevoked } = options;
    if (isRevoked === undefined || checking) return;
    checking = true;
    try {
      await Promise.all(
        [...channels.peers()].map(async ({ peer }) => {
          if (await isRevoked(peer.ticket)) cut(peer, 'the token was revoked');
        }),
      );
    } catch {
      // Nothing is known, so nothing is cut; what opens meanwhile is refused.
    } finally {
      checking = false;
    }
  }

  const revoke = (what: RevokedStreams) => {
    revocations.add(what, now());
    for (const { peer } of channels.peers()) if (fits(what, peer.ticket)) cut(peer, 'the token was revoked');
  };

  async function takeOrder(request: IncomingMessage): Promise<number> {
    try {
      const order = openOrder(options.secret, await readShortText(request), now());
      if (order.kind === 'revoke') revoke(order.what);
      else channels.fenceSession(order.sessionId, order.epoch);
      return 204;
    } catch {
      return 403;
    }
  }

  const present = (): RelayNow => {
    const peers = [...channels.peers()];
    const viewers = peers.filter(({ peer }) => peer.ticket.viewer !== null).length;
    return {
      channels: channels.size,
      producers: peers.length - viewers,
      viewers,
      pending: sockets.pendingCount,
      heldBytes: channels.heldBytes,
    };
  };

  return {
    attach(server) {
      const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        const url = urlOf(request);
        if (url?.pathname !== RELAY_PATH) {
          if (server.listenerCount('upgrade') === 1) refuseUpgrade(socket, 404);
          return;
        }
        const at = parseRelayQuery(url.searchParams);
        if (at === null) return refuseUpgrade(socket, 400);
        if (closed || sockets.pendingCount >= limits.pendingSockets) return refuseUpgrade(socket, 503);
        // A first message that is long is refused before it is all in memory.
        let unopened = 0;
        const count = (chunk: Buffer) => {
          unopened += chunk.length;
          if (unopened > UNOPENED_BYTES) socket.destroy();
        };
        upgrades.handleUpgrade(request, socket, head, (webSocket) => {
          socket.on('data', count);
          webSocket.once('message', () => {
            unopened = Number.NEGATIVE_INFINITY;
            socket.off('data', count);
          });
          sockets.accept(webSocket, at);
        });
      };
      server.on('upgrade', upgrade);
      attached.push([server, upgrade]);
    },

    handle(request, response) {
      const path = urlOf(request)?.pathname;
      if (path === '/healthz') {
        const { channels: count, producers, viewers } = present();
        response.writeHead(closed ? 503 : 200, { 'content-type': 'application/json' });
        response.end(
          JSON.stringify({ status: closed ? 'closing' : 'ok', channels: count, producers, viewers }),
        );
        return true;
      }
      if (path === ORDER_PATH && request.method === 'POST') {
        void takeOrder(request).then((status) => response.writeHead(status).end());
        return true;
      }
      if (path !== '/metrics') return false;
      if (!mayReadMetrics(request, options.metricsToken)) {
        response
          .writeHead(401, { 'content-type': 'text/plain', 'www-authenticate': 'Bearer' })
          .end('Unauthorized\n');
        return true;
      }
      response
        .writeHead(200, { 'content-type': 'text/plain; version=0.0.4' })
        .end(relayMetricsText(relayReadings(counters, present())));
      return true;
    },

    revoke,
    fenceSession: (sessionId, epoch) => channels.fenceSession(sessionId, epoch),
    now: present,
    readings: () => relayReadings(counters, present()),

    async close() {
      if (closed) return;
      closed = true;
      for (const timer of [tick, ping, revocationCheck]) clearInterval(timer);
      for (const [server, upgrade] of attached) server.off('upgrade', upgrade);
      const gone = Promise.all(
        [...upgrades.clients].map((client) => new Promise((resolve) => client.once('close', resolve))),
      );
      channels.closeAll(GOING_AWAY);
      sockets.close();
      await gone;
    },
  };
}

function urlOf(request: IncomingMessage): URL | null {
  return URL.canParse(request.url ?? '', 'http://relay') ? new URL(request.url ?? '', 'http://relay') : null;
}

/** @throws RangeError for one that is longer than any of ours. */
async function readShortText(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk;
    if (text.length > MAX_ORDER_CHARACTERS) throw new RangeError('The body is too long.');
  }
  return text;
}

function refuseUpgrade(socket: Duplex, status: 400 | 404 | 503): void {
  const words = { 400: 'Bad Request', 404: 'Not Found', 503: 'Service Unavailable' }[status];
  socket.on('error', () => {});
  socket.end(`HTTP/1.1 ${status} ${words}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function mayReadMetrics(request: IncomingMessage, token: string | undefined): boolean {
  if (token === undefined) {
    const from = request.socket.remoteAddress ?? '';
    return from === '::1' || from.startsWith('127.') || from.startsWith('::ffff:127.');
  }
  return isSameSecret(request.headers.authorization ?? '', `Bearer ${token}`);
}
