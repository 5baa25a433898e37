import { randomUUID } from 'node:crypto';
import { GoingOfflineReason, StreamKind } from '@boxyard/agent-proto/messages';
import { RelayDialler } from '@boxyard/agent-proto/relay';
import type {
  AuditList,
  CreatedEnrollmentToken,
  CreatedKey,
  EnrollmentList,
  MachineCredentials,
  MachineList,
  PendingEnrollment,
  RefreshedEnrollment,
  Workspace,
} from '@boxyard/contracts';
import { createUser } from '@nats-io/nkeys';
import { needs } from '@tooling/system-parts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  collectCredentials,
  describeMachine,
  type EnrolledMachine,
  enrollMachine,
  livenessOf,
  runMachine,
  signChallenge,
  startEnrollment,
  WORKSPACE,
} from './enrolled-machine.ts';
import { ApiClient } from './raw-api.ts';
import { type SharedServer, startSharedServer } from './shared-server.ts';
import { producerToken, viewerToken } from './stream-tokens.ts';

const FOUND = { timeout: 30_000 };
const SECRET_KEY = 'what-this-server-signs-tokens-with-and-this-test-too';

describe('machines of users', needs('nats-server'), () => {
  let shared: SharedServer;
  let client: ApiClient;
  beforeAll(async () => {
    shared = await startSharedServer({
      BOXYARD_MACHINES: 'on',
      BOXYARD_MACHINES_NATS_PORT: '0',
      BOXYARD_SECRET_KEY: SECRET_KEY,
    });
    ({ client } = shared);
  });
  afterAll(() => shared?.stop());

  /** It takes the socket of a producer, and wants to hear a token on it. */
  async function relayAnswers(relayUrl: string, { workspaceId, agentId }: MachineCredentials): Promise<void> {
    const socket = new WebSocket(`${relayUrl}/stream?ws=${workspaceId}&agent=${agentId}&port=7681&channel=c`);
    const closed = new Promise<number>((resolve) =>
      socket.addEventListener('close', ({ code }) => resolve(code)),
    );
    socket.addEventListener('open', () => socket.send(new Uint8Array([9, 9, 9])));
    expect(await closed).toBeGreaterThanOrEqual(4400);
  }

  const refusals = async (actor: string) => {
    const page = await client.json<AuditList>('GET', `${WORKSPACE}/audit?actor=${actor}`);
    return page.items.map(({ action, outcome, detail }) => [action, outcome, detail.fault ?? null]);
  };
  const actions = async (target: string) => {
    const page = await client.json<AuditList>('GET', `${WORKSPACE}/audit?limit=200`);
    return page.items
      .filter((entry) => entry.target === target)
      .map(({ action, outcome }) => [action, outcome]);
  };

  const refresh = (bearer: string, proof?: object) =>
    client.json<RefreshedEnrollment>('POST', '/v1/enrollments/refresh', {
      body: { bearer, ...(proof === undefined ? {} : { proof }) },
    });
  async function challengeFor(bearer: string): Promise<string> {
    const answer = await refresh(bearer);
    return answer.state === 'challenge' ? answer.challenge : expect.fail(answer.state);
  }
  async function renew({ key, credentials: { bearer } }: EnrolledMachine): Promise<MachineCredentials> {
    const challenge = await challengeFor(bearer);
    const answer = await refresh(bearer, { challenge, signature: signChallenge(key, challenge) });
    return answer.state === 'authorized' ? answer.credentials : expect.fail(answer.state);
  }

  test('one is enrolled, is seen online, says goodbye, and is offline', async () => {
    const asking = await startEnrollment(client, "Ada's laptop");
    const { userCode, verificationUri, verificationUriComplete } = asking.started;
    expect(verificationUri).toBe(`${client.url}/enroll`);
    expect(verificationUriComplete).toBe(`${client.url}/enroll?code=${userCode}`);
    const seen = await client.json<PendingEnrollment>('POST', '/v1/enrollments/device/lookup', {
      body: { userCode: userCode.toLowerCase() },
    });
    expect(seen).toMatchObject({ machineName: "Ada's laptop", requestsScreenControl: true });
    await client.json('POST', `${WORKSPACE}/enrollments/device/approve`, { body: { userCode } });
    const credentials = await collectCredentials(client, asking);
    const relayUrl = client.url.replace('http', 'ws');
    expect(credentials).toMatchObject({
      relayUrl,
      relayToken: expect.stringMatching(/^ogr_/),
      consentedScreenControl: false,
    });
    await relayAnswers(relayUrl, credentials);
    const { served, connection } = await runMachine(client, { key: asking.key, credentials });
    const { items } = await client.json<MachineList>('GET', `${WORKSPACE}/machines`);
    expect(items.find(({ id }) => id === credentials.agentId)).toMatchObject({
      name: "Ada's laptop",
      liveness: 'online',
      swapTarget: true,
      workspaceRoot: expect.any(String),
    });
    await served.drain(GoingOfflineReason.USER_STOP, AbortSignal.timeout(5_000));
    await expect.poll(() => livenessOf(client, credentials.agentId), FOUND).toBe('offline');
    await served.close();
    await connection.close();
    expect(await actions(credentials.agentId)).toContainEqual(['enrollment.approve', 'done']);
    const { items: enrollments } = await client.json<EnrollmentList>('GET', `${WORKSPACE}/enrollments`);
    expect(enrollments.find(({ id }) => id === credentials.agentId)).toMatchObject({
      state: 'active',
      fingerprint: seen.fingerprint,
    });
  });

  test('revoking one cuts its connection at once, and it gets nothing any more', async () => {
    const machine = await enrollMachine(client);
    const { agentId, bearer } = machine.credentials;
    const { connection, served } = await runMachine(client, machine);
    await client.json('POST', `${WORKSPACE}/enrollments/${agentId}/revoke`);
    expect(String(await connection.closed())).toMatch(/revoked/i);
    await served.close();
    expect(await livenessOf(client, agentId)).toBeNull();
    await expect(refresh(bearer)).rejects.toMatchObject({ status: 403, code: 'denied' });
    expect(await refusals(agentId)).toEqual([['enrollment.refresh', 'denied', 'token.revoked']]);
    expect(await actions(agentId)).toContainEqual(['enrollment.revoke', 'done']);
  });

  test('one brings streams of its own to the relay, until it is revoked, and a refusal is written down', async () => {
    const { credentials } = await enrollMachine(client);
    const { workspaceId, agentId, relayUrl, relayToken } = credentials;
    const dialler = new RelayDialler({
      url: relayUrl ?? '',
      token: () => relayToken ?? '',
      delayMs: () => 10,
    });
    const channel = { workspaceId, agentId, channelId: 'a terminal', kind: StreamKind.PTY, port: 7681 };
    const foreign = { ...channel, agentId: (await enrollMachine(client)).credentials.agentId };
    await expect(dialler.produce(foreign)).rejects.toMatchObject({ code: 'not-allowed' });
    await expect
      .poll(() => refusals(agentId), FOUND)
      .toEqual([['access', 'denied', 'the token is for another stream']]);
    const stream = await dialler.produce(channel);
    await client.json('POST', `${WORKSPACE}/enrollments/${agentId}/revoke`);
    expect((await stream.ended).error).toMatchObject({ code: 'unauthenticated' });
  });

  test('tokens that open no stream are refused, and each refusal stands in the audit of whose token it was', async () => {
    const { id: workspaceId } = await client.json<Workspace>('GET', WORKSPACE);
    const [agentId, other] = [randomUUID(), randomUUID()];
    const relay = client.url.replace('http', 'ws');
    const channel = { workspaceId, agentId, channelId: randomUUID(), kind: StreamKind.PTY, port: 7681 };
    const foreign = await client.json<Workspace>('POST', '/v1/workspaces', {
      body: { slug: 'of-neighbours' },
    });
    const { token: theirKey } = await client.json<CreatedKey>('POST', `/v1/workspaces/${foreign.id}/keys`, {
      body: { name: 'auditor', permissions: ['audit:read'] },
    });
    const watching = { channel, sessionId: randomUUID() };
    const dial = (token: string) => new RelayDialler({ url: relay, token: () => token, delayMs: () => 10 });
    const producer = await dial(producerToken(SECRET_KEY, workspaceId, agentId)).produce(channel);
    const refusedFor = async (by: ApiClient, workspace: string, viewerId: string) => {
      const { items } = await by.json<AuditList>('GET', `/v1/workspaces/${workspace}/audit?limit=200`);
      return items
        .filter(({ detail }) => detail.viewerId === viewerId)
        .map(({ action, outcome, target, detail }) => [action, outcome, target, detail.fault]);
    };
    const denied = (fault: string) => [['access', 'denied', agentId, fault]];
    const refused = async (token: string, code: string) =>
      expect(dial(token).consume(channel)).rejects.toMatchObject({ code });

    await expect(dial(producerToken(SECRET_KEY, workspaceId, other)).produce(channel)).rejects.toMatchObject({
      code: 'not-allowed',
    });
    await expect
      .poll(() => refusals(other), FOUND)
      .toEqual([['access', 'denied', 'the token is for another stream']]);

    const [neighbour, late, twice, watcher] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
    const theirs = { ...watching, viewerId: neighbour, workspaceId: foreign.id };
    await refused(viewerToken(SECRET_KEY, theirs), 'not-allowed');
    const theirAudit = new ApiClient({ url: client.url, token: theirKey });
    await expect
      .poll(() => refusedFor(theirAudit, foreign.id, neighbour), FOUND)
      .toEqual(denied('the token is for another stream'));

    await refused(viewerToken(SECRET_KEY, { ...watching, viewerId: late, ttlMs: -5_000 }), 'unauthenticated');
    const expired = denied('the token is no good: token.expired');
    // It was shown three times before the dialler gave up.
    await expect
      .poll(() => refusedFor(client, 'default', late), FOUND)
      .toEqual([...expired, ...expired, ...expired]);

    const replayed = viewerToken(SECRET_KEY, { ...watching, viewerId: twice });
    const newer = viewerToken(SECRET_KEY, { ...watching, viewerId: twice, ttlMs: 300_000 });
    await using held = await dial(newer).consume(channel);
    await refused(replayed, 'unauthenticated');
    const replays = denied('the token was replaced by a newer one');
    await expect
      .poll(() => refusedFor(client, 'default', twice), FOUND)
      .toEqual([...replays, ...replays, ...replays]);
    expect(held.channel).toEqual(channel);

    const view = viewerToken(SECRET_KEY, { ...watching, viewerId: watcher, mode: 'view' });
    await using typing = await dial(view).consume(channel);
    await typing.write(Buffer.from('rm -rf /\n'));
    await expect
      .poll(() => refusedFor(client, 'default', watcher), FOUND)
      .toEqual(denied('the token is for viewing only'));
    await producer.close({ deadlineMs: 10 });
  });

  test('one renews what it signs in with, and a stolen challenge or bearer is refused and written down', async () => {
    const [machine, thief] = [await enrollMachine(client), await enrollMachine(client)];
    const renewed = await renew(machine);
    expect(renewed.agentId).toBe(machine.credentials.agentId);
    const { served, connection } = await runMachine(client, { key: machine.key, credentials: renewed });
    await served.close();
    await connection.close();

    const challenge = await challengeFor(renewed.bearer);
    const stolen = { challenge, signature: signChallenge(thief.key, challenge) };
    await expect(refresh(renewed.bearer, stolen)).rejects.toMatchObject({ status: 403 });
    await expect(refresh(thief.credentials.bearer, stolen)).rejects.toMatchObject({ status: 403 });
    const proof = { challenge, signature: signChallenge(machine.key, challenge) };
    await refresh(renewed.bearer, proof);
    await expect(refresh(renewed.bearer, proof)).rejects.toMatchObject({ status: 403 });
    await expect(refresh(`${renewed.bearer}x`)).rejects.toMatchObject({ status: 403 });
    expect(await refusals(machine.credentials.agentId)).toEqual([
      ['enrollment.refresh', 'denied', 'token.replayed'],
      ['enrollment.refresh', 'denied', 'token.unproven'],
    ]);
    expect(await refusals(thief.credentials.agentId)).toEqual([
      ['enrollment.refresh', 'denied', 'token.scope'],
    ]);
  });

  test('a token enrolls without a person, as often as it was made for, and each refusal is written down', async () => {
    const { token } = await client.json<CreatedEnrollmentToken>('POST', `${WORKSPACE}/enrollments/token`, {
      body: { uses: 1 },
    });
    const exchange = () =>
      client.json<MachineCredentials>('POST', '/v1/enrollments/token/exchange', {
        body: { ...describeMachine(createUser()), token },
      });
    const credentials = await exchange();
    await expect(exchange()).rejects.toMatchObject({ status: 403, code: 'denied' });
    const { items } = await client.json<AuditList>('GET', `${WORKSPACE}/audit?action=enrollment.exchange`);
    expect(items.map(({ actor, outcome, target }) => [actor.kind, outcome, target])).toEqual([
      ['enrollment-token', 'denied', items[0]!.actor.id],
      ['enrollment-token', 'done', credentials.agentId],
    ]);
    expect(items[0]!.detail).toMatchObject({ fault: 'token.used-up' });
    expect(JSON.stringify(items)).not.toContain(token);
  });

  test('another workspace sees none of them, and decides about none of them', async () => {
    const { key, credentials } = await enrollMachine(client);
    const asking = await startEnrollment(client);
    expect(key).toBeDefined();
    await client.json('POST', '/v1/workspaces', { body: { slug: 'of-others' } });
    const made = await client.json<CreatedKey>('POST', '/v1/workspaces/of-others/keys', {
      body: { name: 'other', permissions: ['enrollments:read', 'enrollments:manage'] },
    });
    const other = new ApiClient({ url: client.url, token: made.token });
    const theirs = '/v1/workspaces/of-others';
    expect(await other.json('GET', `${theirs}/machines`)).toMatchObject({ items: [] });
    expect(await other.json('GET', `${theirs}/enrollments`)).toMatchObject({ items: [] });
    const { userCode } = asking.started;
    const attempts = [
      other.json('GET', `${WORKSPACE}/machines`),
      other.json('GET', `${theirs}/machines/${credentials.agentId}/metrics`),
      other.json('POST', `${theirs}/enrollments/${credentials.agentId}/revoke`),
      other.json('POST', `${theirs}/enrollments/device/approve`, { body: { userCode } }),
      other.json('POST', `${theirs}/enrollments/device/deny`, { body: { userCode } }),
    ];
    for (const attempt of await Promise.allSettled(attempts)) {
      expect(attempt).toMatchObject({ status: 'rejected', reason: { status: 404 } });
    }
    const reader = await client.json<CreatedKey>('POST', `${WORKSPACE}/keys`, {
      body: { name: 'reader', permissions: ['enrollments:read'] },
    });
    const looking = new ApiClient({ url: client.url, token: reader.token });
    await looking.json('GET', `${WORKSPACE}/machines`);
    const approval = looking.json('POST', `${WORKSPACE}/enrollments/device/approve`, { body: { userCode } });
    await expect(approval).rejects.toMatchObject({ status: 403, code: 'denied' });
  });

  test('who shows no key cannot make the server read much', async () => {
    const body = {
      ...describeMachine(createUser()),
      workspaceId: 'default',
      machineName: 'a'.repeat(20_000),
    };
    const started = client.json('POST', '/v1/enrollments/device/start', { body });
    await expect(started).rejects.toMatchObject({ status: 413, code: 'too-large' });
  });

  test('who asks too often is told to wait', async () => {
    const lookups = await Promise.allSettled(
      Array.from({ length: 60 }, () =>
        client.send('POST', '/v1/enrollments/device/lookup', { body: { userCode: 'AAAA-AAAA' } }),
      ),
    );
    const codes = lookups.map((lookup) => (lookup.status === 'rejected' ? lookup.reason.code : 'found'));
    expect(new Set(codes)).toEqual(new Set(['not-found', 'rate-limited']));
    const response = await fetch(new URL('/v1/enrollments/device/lookup', client.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ userCode: 'AAAA-AAAA' }),
    });
    if (response.status === 429) expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    await response.body?.cancel();
  });

  test.each([
    ['a key that is none', { publicKey: 'U'.repeat(56) }],
    ['a name with a line break', { machineName: 'a\nb' }],
    ['less than the whole machine', { exposure: 'workspace' }],
    ['a system that we do not know', { os: 'plan9' }],
    ['what was not asked for', { admin: true }],
  ])('%s is not valid', async (_, wrong) => {
    const body = { ...describeMachine(createUser()), token: 'oget_', ...wrong };
    const asked = client.json('POST', '/v1/enrollments/token/exchange', { body });
    await expect(asked).rejects.toMatchObject({ status: 400, code: 'invalid' });
  });
});
