import { randomUUID } from 'node:crypto';
import { StreamRole } from '@boxyard/agent-proto/messages';
import { RelayCloseCode } from '@boxyard/agent-proto/relay';
import { eventually } from '@tooling/eventually';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { BarePeer, startRelay, terminal, viewerToken } from './running-relay.ts';

const { CLIENT } = StreamRole;
const channel = terminal();

test('a token that its viewer has replaced by a newer one is refused as a replay, and whose it was is told', async () => {
  await using running = await startRelay();
  const holder = { viewerId: randomUUID(), sessionId: randomUUID() };
  const minted = (mode: 'view' | 'control', ttlMs: number) =>
    viewerToken(channel, { ...holder, mode, ttlMs });
  const older = minted('control', 60_000);
  const shown = async (token: string) => {
    const peer = await BarePeer.connect(running, channel);
    return peer.open(channel, CLIENT, token);
  };
  using first = await shown(older);
  await eventually('it is in', () => first.heard.length === 1);
  // It has given its rights back.
  using second = await shown(minted('view', 90_000));
  expect((await first.closed).code).toBe(RelayCloseCode.replacedOrFenced);
  using thief = await shown(older);
  expect((await thief.closed).code).toBe(RelayCloseCode.unauthenticated);
  expect(running.notices.filter(({ kind }) => kind === 'refused')).toMatchObject([
    { reason: 'the token was replaced by a newer one', holder },
  ]);
  expect(second.socket.readyState).toBe(WebSocket.OPEN);
  // Neither on a socket that stays.
  second.open(channel, CLIENT, minted('view', 30_000));
  expect((await second.closed).code).toBe(RelayCloseCode.unauthenticated);
  expect(running.notices.filter(({ kind }) => kind === 'refused')).toHaveLength(2);
  // One viewer's are nothing to another.
  using other = await shown(viewerToken(channel, { ttlMs: 30_000 }));
  await eventually('another is in', () => other.heard.length === 1);
  expect(other.heard).toMatchObject([{ value: { accepted: true } }]);
});
