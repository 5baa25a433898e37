// Who is let in, for how long, and what happens to those who make no sense.
import { randomBytes, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { ErrorCode, StreamRole } from '@boxyard/agent-proto/messages';
import { RelayCloseCode, relayAddress } from '@boxyard/agent-proto/relay';
import { tellRelay } from '@boxyard/streaming/relay';
import { eventually } from '@tooling/eventually';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import {
  AGENT,
  agentToken,
  BarePeer,
  metric,
  type RunningRelay,
  readBytes,
  SECRET,
  startRelay,
  terminal,
  viewerToken,
  WORKSPACE,
} from './running-relay.ts';

const { AGENT: MACHINE, CLIENT } = StreamRole;
const channel = terminal();
const elsewhere = terminal();

test.each([
  ['no token', CLIENT, '', RelayCloseCode.unauthenticated],
  [
    'a machine token of another secret',
    MACHINE,
    agentToken().replace(/.$/, '!'),
    RelayCloseCode.unauthenticated,
  ],
  ['a machine token that has run out', MACHINE, agentToken({ ttlMs: -2000 }), RelayCloseCode.unauthenticated],
  ['the token of another machine', MACHINE, agentToken({ agentId: randomUUID() }), RelayCloseCode.notAllowed],
  ['a viewer token as a machine', MACHINE, viewerToken(channel), RelayCloseCode.unauthenticated],
  ['a machine token as a viewer', CLIENT, agentToken(), RelayCloseCode.unauthenticated],
  [
    'a viewer token that has run out',
    CLIENT,
    viewerToken(channel, { ttlMs: -2000 }),
    RelayCloseCode.unauthenticated,
  ],
  ['a token for another port', CLIENT, viewerToken({ ...channel, port: 3000 }), RelayCloseCode.notAllowed],
  ['a token for another channel', CLIENT, viewerToken(elsewhere), RelayCloseCode.notAllowed],
  [
    'a token for no channel',
    CLIENT,
    viewerToken(channel, { channelId: undefined }),
    RelayCloseCode.notAllowed,
  ],
  ['a token for no machine', CLIENT, viewerToken(channel, { agentId: undefined }), RelayCloseCode.notAllowed],
  [
    'a token for another machine',
    CLIENT,
    viewerToken(channel, { agentId: randomUUID() }),
    RelayCloseCode.notAllowed,
  ],
  [
    'a token for another workspace',
    CLIENT,
    viewerToken(channel, { workspaceId: randomUUID() }),
    RelayCloseCode.notAllowed,
  ],
  ['no role', StreamRole.UNSPECIFIED, agentToken(), RelayCloseCode.notAllowed],
])('%s is refused, and that is told for an audit', async (_, role, token, closeCode) => {
  await using running = await startRelay();
  using peer = await BarePeer.connect(running, channel);
  peer.open(channel, role, token);
  expect(await peer.closed).toMatchObject({ code: closeCode });
  expect(peer.heard).toMatchObject([{ kind: 'openAck', value: { accepted: false } }]);
  expect(running.notices).toMatchObject([{ kind: 'refused', closeCode, agentId: AGENT, port: 7681 }]);
  expect(token === '' ? '' : JSON.stringify([running.notices, peer.heard], printable)).not.toContain(
    token || '-',
  );
  expect(running.relay.now().channels).toBe(0);
});

test('whose a genuine token was is known, whatever the address says', async () => {
  await using running = await startRelay();
  const [viewerId, sessionId] = [randomUUID(), randomUUID()];
  const tokens = [
    viewerToken(elsewhere, { viewerId, sessionId }),
    viewerToken(channel, { viewerId, sessionId, ttlMs: -2000 }),
    `${viewerToken(channel)}x`,
  ];
  for (const token of tokens) {
    using peer = await BarePeer.connect(running, channel);
    await peer.open(channel, CLIENT, token).closed;
  }
  const holder = { workspaceId: WORKSPACE, agentId: AGENT, viewerId, sessionId };
  expect(running.notices).toMatchObject([{ holder }, { holder }, { holder: null }]);
});

test('a first message for another channel than the address is refused', async () => {
  await using running = await startRelay();
  using peer = await BarePeer.connect(running, channel);
  peer.open(elsewhere, CLIENT, viewerToken(elsewhere));
  expect((await peer.closed).code).toBe(RelayCloseCode.notAllowed);
});

test('a refused dialler says why, and does not try for ever', async () => {
  await using running = await startRelay();
  const viewer = running.viewer({ token: () => viewerToken(elsewhere) });
  await expect(viewer.consume(channel)).rejects.toMatchObject({ code: 'not-allowed' });
  const stranger = running.agent({ token: () => 'ogr_nonsense' });
  await expect(stranger.produce(channel)).rejects.toMatchObject({ code: 'unauthenticated' });
  const nobody = running.agent({ url: 'ws://127.0.0.1:1' });
  await expect(nobody.produce(channel, { deadlineMs: 100 })).rejects.toMatchObject({ code: 'unreachable' });
});

test('who opens nothing in time has to go', async () => {
  await using running = await startRelay({ limits: { openTimeoutMs: 50 } });
  using peer = await BarePeer.connect(running, channel);
  expect((await peer.closed).code).toBe(RelayCloseCode.openTimeout);
});

test('a stream whose other side never comes ends', async () => {
  await using running = await startRelay({ limits: { halfOpenMs: 50 } });
  const producer = await running.agent().produce(channel);
  expect((await producer.ended).error).toMatchObject({ code: 'nobody-came' });
  expect(running.relay.now().channels).toBe(0);
});

test('after a swap the streams of before end, and their tokens open nothing any more', async () => {
  await using running = await startRelay();
  const sessionId = randomUUID();
  const producer = await running.agent().produce(channel);
  const before = await running.viewer({ sessionId, leaseEpoch: 4 }).consume(channel);
  const other = await running.viewer({ leaseEpoch: 1 }).consume(channel);
  const after = await running.viewer({ sessionId, leaseEpoch: 5 }).consume(channel);
  expect((await before.ended).error).toMatchObject({ code: 'fenced' });
  await expect(running.viewer({ sessionId, leaseEpoch: 4 }).consume(channel)).rejects.toMatchObject({
    code: 'fenced',
  });
  running.relay.fenceSession(sessionId, 6);
  expect((await after.ended).error).toMatchObject({ code: 'fenced' });
  using bare = await BarePeer.connect(running, elsewhere);
  bare.open(elsewhere, CLIENT, viewerToken(elsewhere, { sessionId, leaseEpoch: 5 }));
  expect((await bare.closed).code).toBe(RelayCloseCode.replacedOrFenced);
  expect(bare.heard).toMatchObject([{ value: { error: { code: ErrorCode.FENCED } } }]);
  await producer.write(Buffer.from('x'));
  expect((await readBytes(other, 1)).toString()).toBe('x');
  await Promise.all([other.close(), producer.close({ deadlineMs: 10 })]);
});

test('a token that runs out ends the stream, unless a fresh one was shown on the way', async () => {
  const HOUR = 3_600_000;
  let relayIsBehindMs = HOUR;
  await using running = await startRelay({ now: () => Date.now() - relayIsBehindMs });
  // By the machine's clock this one is old, so it brings a fresh one soon; for the relay it still counts.
  const tokens = [agentToken({ ttlMs: -HOUR / 2 })];
  const renewing = await running.agent({ token: () => tokens.shift() ?? agentToken() }).produce(channel);
  using watcher = await BarePeer.connect(running, channel);
  watcher.open(channel, CLIENT, viewerToken(channel, { ttlMs: -HOUR / 2 }));
  await eventually(
    'the fresh token was shown',
    async () => (await metric(running, 'received_messages_total')) === 1,
  );
  relayIsBehindMs = 0;
  expect((await watcher.closed).code).toBe(RelayCloseCode.unauthenticated);
  await eventually('the watcher is gone', () => running.relay.now().viewers === 0);
  expect(running.relay.now().producers).toBe(1);
  expect(running.notices.filter(({ kind }) => kind === 'opened')).toHaveLength(2);
  await renewing.close({ deadlineMs: 10 });
});

test('who was cut is not heard any more, although its socket is still closing', async () => {
  await using running = await startRelay();
  const producer = await running.agent().produce(channel);
  const viewerId = randomUUID();
  using viewer = await BarePeer.connect(running, channel);
  viewer
    .open(channel, CLIENT, viewerToken(channel, { viewerId }))
    .frame(channel.channelId, 0, Buffer.from('yes'));
  expect((await readBytes(producer, 3)).toString()).toBe('yes');
  // Not read, so that the close is not answered and what is written meanwhile goes out behind it.
  viewer.socket.pause();
  running.relay.revoke({ viewerId });
  viewer.frame(channel.channelId, 1, Buffer.from('no'));
  const other = await running.viewer().consume(channel);
  await eventually('the revoked one is gone', () => running.relay.now().viewers === 1);
  await other.write(Buffer.from('other'));
  expect((await readBytes(producer, 5)).toString()).toBe('other');
  await Promise.all([other.close(), producer.close({ deadlineMs: 10 })]);
});

test('a fresh token of somebody else is no renewal', async () => {
  await using running = await startRelay();
  using viewer = await BarePeer.connect(running, channel);
  const first = { viewerId: randomUUID(), sessionId: randomUUID(), mode: 'view' as const };
  viewer.open(channel, CLIENT, viewerToken(channel, first));
  viewer.open(channel, CLIENT, viewerToken(channel, { ...first, mode: 'control' }));
  expect((await viewer.closed).code).toBe(RelayCloseCode.notAllowed);
});

test('a revoked viewer is cut at once and does not come back; a revoked machine neither', async () => {
  await using running = await startRelay();
  const producer = await running.agent().produce(channel);
  const [one, two] = [randomUUID(), randomUUID()];
  const revoked = await running.viewer({ viewerId: one }).consume(channel);
  const stays = await running.viewer({ viewerId: two }).consume(channel);
  running.relay.revoke({ viewerId: one });
  expect((await revoked.ended).error).toMatchObject({ code: 'unauthenticated' });
  await producer.write(Buffer.from('x'));
  expect((await readBytes(stays, 1)).toString()).toBe('x');
  running.relay.revoke({ agentId: AGENT });
  expect((await producer.ended).error).toMatchObject({ code: 'unauthenticated' });
});

test('a relay elsewhere takes orders from who has its secret, and from nobody else', async () => {
  await using running = await startRelay();
  const [viewerId, sessionId] = [randomUUID(), randomUUID()];
  const revoked = await running.viewer({ viewerId }).consume(channel);
  const fenced = await running.viewer({ sessionId, leaseEpoch: 2 }).consume(channel);
  const stays = await running.viewer().consume(channel);
  await expect(
    tellRelay(running.url, 'another secret', { kind: 'revoke', what: { agentId: AGENT } }),
  ).rejects.toMatchObject({ code: 'unreachable' });
  await tellRelay(running.url, SECRET, { kind: 'revoke', what: { viewerId } });
  expect((await revoked.ended).error).toMatchObject({ code: 'unauthenticated' });
  await tellRelay(running.url, SECRET, { kind: 'fence-session', sessionId, epoch: 3 });
  expect((await fenced.ended).error).toMatchObject({ code: 'fenced' });
  // What names nobody is for nobody, and a viewer's own token orders nothing.
  await tellRelay(running.url, SECRET, { kind: 'revoke', what: {} });
  const order = (body: string) =>
    fetch(`http://127.0.0.1:${running.port}/orders`, { method: 'POST', body }).then(({ status }) => status);
  expect(await order(viewerToken(channel))).toBe(403);
  expect(await order('x'.repeat(100_000))).toBe(403);
  expect(running.relay.now().viewers).toBe(1);
  await stays.close();
});

test('who keeps the record of revocations is asked at opening and again and again', async () => {
  let revoked: string | null = null;
  await using running = await startRelay({ isRevoked: async ({ viewer }) => viewer?.viewerId === revoked });
  const viewerId = randomUUID();
  const viewer = await running.viewer({ viewerId }).consume(channel);
  revoked = viewerId;
  expect((await viewer.ended).error).toMatchObject({ code: 'unauthenticated' });
});

test('nobody is let in while it cannot be asked whether a token was revoked', async () => {
  await using running = await startRelay({
    isRevoked: () => Promise.reject(new Error('the record is away')),
  });
  using viewer = await BarePeer.connect(running, channel);
  viewer.open(channel, CLIENT, viewerToken(channel));
  expect((await viewer.closed).code).toBe(1013);
});

test('nonsense ends its own socket and nothing else', async () => {
  await using running = await startRelay({ limits: { messageBytes: 100_000 } });
  const producer = await running.agent().produce(channel);
  const viewer = await running.viewer().consume(channel);
  const first: readonly (string | Uint8Array)[] = [
    'text',
    '',
    new Uint8Array(),
    Uint8Array.of(1),
    Uint8Array.of(1, 0xff, 0xff),
    Uint8Array.of(250, 1, 2),
    randomBytes(50_000),
    new Uint8Array(200_000),
  ];
  for (const message of first) {
    using peer = await BarePeer.connect(running, channel);
    peer.socket.send(message);
    await peer.closed;
  }
  // A frame whose number nobody can count to, one of another channel, and noise, behind a proper opening.
  const later = [
    'text',
    Uint8Array.of(3, 0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01),
    Uint8Array.of(3, 0x0a, 0x01, 0x78),
    Uint8Array.of(2),
    new Uint8Array(200_000),
  ];
  for (const message of later) {
    using peer = await BarePeer.connect(running, channel);
    peer.open(channel, CLIENT, viewerToken(channel));
    await eventually('it is open', () => peer.heard.length > 0);
    peer.socket.send(message);
    await peer.closed;
  }
  using strange = await BarePeer.connect(running, channel);
  strange.open(channel, CLIENT, viewerToken(channel));
  strange.socket.send(Uint8Array.of(99, 1, 2, 3));
  strange.frame(channel.channelId, 0, Buffer.from('after a tag of the future'));
  expect((await readBytes(producer, 25)).toString()).toBe('after a tag of the future');
  for (let round = 0; round < 20; round++) await sendRawBytes(running, randomBytes(2000));
  await producer.write(Buffer.from('fine'));
  expect((await readBytes(viewer, 4)).toString()).toBe('fine');
  await Promise.all([viewer.close(), producer.close({ deadlineMs: 10 })]);
});

test('an address that names no stream is no address', async () => {
  await using running = await startRelay();
  const query = `ws=${WORKSPACE}&agent=${AGENT}`;
  for (const [path, status] of [
    ['/stream', 400],
    [`/stream?${query}&port=0`, 400],
    [`/stream?${query}&port=70000`, 400],
    [`/stream?${query}&port=80&channel=${'x'.repeat(200)}`, 400],
    ['/other', 404],
  ] as const) {
    const socket = new WebSocket(`${running.url}${path}`);
    const [, response] = await new Promise<[unknown, IncomingMessage]>((resolve) => {
      socket.once('unexpected-response', (...answer) => resolve(answer));
      socket.on('error', () => {});
    });
    expect(response.statusCode).toBe(status);
    socket.terminate();
  }
  expect(relayAddress(running.url, channel).pathname).toBe('/stream');
});

test('there is an end to viewers, streams and those who open nothing', async () => {
  await using running = await startRelay({
    limits: { channels: 1, viewersPerChannel: 1, pendingSockets: 1 },
  });
  const viewer = await running.viewer().consume(channel);
  for (const [at, token] of [
    [channel, viewerToken(channel)],
    [elsewhere, viewerToken(elsewhere)],
  ] as const) {
    using peer = await BarePeer.connect(running, at);
    peer.open(at, CLIENT, token);
    expect((await peer.closed).code).toBe(RelayCloseCode.rateLimited);
  }
  await eventually('nobody is pending', () => running.relay.now().pending === 0);
  using pending = await BarePeer.connect(running, channel);
  using refused = new BarePeer(relayAddress(running.url, channel));
  expect((await refused.closed).code).toBe(1006);
  expect(pending.socket.readyState).toBe(WebSocket.OPEN);
  await viewer.close();
});

test('who only watches and sends too much is cut', async () => {
  await using running = await startRelay({ limits: { burstBytes: 1000, bytesPerSecond: 1000 } });
  using viewer = await BarePeer.connect(running, channel);
  viewer.open(channel, CLIENT, viewerToken(channel, { mode: 'view' }));
  viewer.frame(channel.channelId, 0, new Uint8Array(5000));
  expect((await viewer.closed).code).toBe(RelayCloseCode.rateLimited);
});

test('health is for everybody, metrics for who knows the token', async () => {
  await using running = await startRelay({ metricsToken: 'a token for metrics' });
  const get = (path: string, authorization = '') =>
    fetch(`http://127.0.0.1:${running.port}${path}`, {
      headers: authorization === '' ? {} : { authorization },
    });
  expect(await (await get('/healthz')).json()).toMatchObject({ status: 'ok', channels: 0 });
  expect((await get('/metrics')).status).toBe(401);
  expect((await get('/metrics', 'Bearer another one')).status).toBe(401);
  const told = await get('/metrics', 'Bearer a token for metrics');
  expect(await told.text()).toMatch(
    /^# HELP boxyard_relay_channels .*\n# TYPE .* gauge\nboxyard_relay_channels 0$/m,
  );
  expect((await get('/elsewhere')).status).toBe(404);
  await using open = await startRelay();
  expect(await metric(open, 'channels')).toBe(0);
});

const printable = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);

/** Bytes behind a websocket handshake that are no websocket. */
async function sendRawBytes({ port }: RunningRelay, bytes: Uint8Array): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  const { pathname, search } = relayAddress('ws://relay', channel);
  socket.on('error', () => {});
  socket.write(
    `GET ${pathname}${search} HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  await new Promise((resolve) => socket.once('data', resolve));
  socket.end(bytes);
  await new Promise((resolve) => socket.once('close', resolve));
}
