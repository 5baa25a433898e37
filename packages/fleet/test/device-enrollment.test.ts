import { decode, type User } from '@nats-io/jwt';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FleetStage, newMachine, openFleetStage } from './fleet-stage.ts';

let stage: FleetStage;
beforeAll(async () => {
  stage = await openFleetStage();
});
afterAll(() => stage[Symbol.asyncDispose]());

const workspaceId = uuidv7();
const nobody = () => expect.fail('Nothing was replayed.');
const poll = (deviceCode: string) => stage.fleet.devices.poll(deviceCode, nobody);
const approve = (userCode: string, allowScreenControl = true, workspace = workspaceId) =>
  stage.fleet.devices.approve(workspace, userCode, { approvedBy: 'ada', allowScreenControl });

test('a machine asks, a person looks and approves, the machine gets its credentials', async () => {
  const { devices } = stage.fleet;
  const { key, description } = newMachine();
  const { deviceCode, userCode } = await devices.start(workspaceId, description);
  expect(Buffer.from(deviceCode, 'base64url')).toHaveLength(32);
  expect(await poll(deviceCode)).toEqual({ state: 'pending', intervalMs: 5_000 });
  const { publicKey: _, ...told } = description;
  expect(await devices.lookup(userCode)).toMatchObject({
    ...told,
    workspaceId,
    fingerprint: expect.stringMatching(/^SHA256:[A-Za-z0-9+/]{43}$/),
  });
  const enrollment = await approve(userCode);
  const polled = await poll(deviceCode);
  if (polled.state !== 'authorized') expect.fail(polled.state);
  const { agentId } = polled.credentials;
  expect(agentId).toBe(enrollment.id);
  expect(polled).toMatchObject({
    credentials: {
      workspaceId,
      bearer: expect.stringMatching(/^oge_/),
      relayToken: expect.stringMatching(/^ogr_/),
      relayUrl: 'ws://127.0.0.1:7071',
      natsUrls: ['nats://127.0.0.1:4222'],
      subjectPrefix: `agent.${workspaceId}.${agentId}`,
      consentedWholeMachine: true,
      consentedScreenControl: true,
    },
  });
  const claims = decode<User>(polled.credentials.natsJwt);
  expect(claims).toMatchObject({ sub: key.getPublicKey(), name: agentId });
  expect(claims.exp! - claims.iat).toBeLessThanOrEqual(300);
  await expect(devices.lookup(userCode)).rejects.toMatchObject({ code: 'conflict' });
});

test('a denied machine learns it, and cannot be approved afterwards', async () => {
  const { deviceCode, userCode } = await stage.fleet.devices.start(workspaceId, newMachine().description);
  expect(await stage.fleet.devices.deny(workspaceId, userCode)).toMatchObject({ userCode });
  expect(await poll(deviceCode)).toEqual({ state: 'denied' });
  await expect(approve(userCode)).rejects.toMatchObject({ code: 'conflict', started: 'no' });
});

test('of many that decide at once one does', async () => {
  const { userCode } = await stage.fleet.devices.start(workspaceId, newMachine().description);
  const decisions = await Promise.allSettled([
    approve(userCode),
    stage.fleet.devices.deny(workspaceId, userCode),
    approve(userCode),
  ]);
  expect(decisions.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

test('another workspace sees no such code', async () => {
  const { userCode } = await stage.fleet.devices.start(workspaceId, newMachine().description);
  await expect(approve(userCode, true, uuidv7())).rejects.toMatchObject({ code: 'not-found' });
  await expect(stage.fleet.devices.deny(uuidv7(), userCode)).rejects.toMatchObject({ code: 'not-found' });
  await approve(userCode);
});

test.each([
  [true, false, false],
  [false, true, false],
  [true, true, true],
])('screen control asked %s and allowed %s is %s', async (requestsScreenControl, allowed, granted) => {
  const { description } = newMachine({ requestsScreenControl });
  const { userCode } = await stage.fleet.devices.start(workspaceId, description);
  expect(await approve(userCode, allowed)).toMatchObject({ allowScreenControl: granted });
});

test('credentials are given once, again within half a minute, and then it is told', async () => {
  const { devices } = stage.fleet;
  const { deviceCode, userCode } = await devices.start(workspaceId, newMachine().description);
  const { id } = await approve(userCode);
  expect(await poll(deviceCode)).toMatchObject({ state: 'authorized' });
  expect(await poll(deviceCode)).toMatchObject({ state: 'authorized', credentials: { agentId: id } });
  await stage.store.setClockOffset(31_000);
  const replays: unknown[] = [];
  const late = await devices.poll(deviceCode, ({ enrollmentId }) => replays.push(enrollmentId));
  await stage.store.setClockOffset(0);
  expect(late).toEqual({ state: 'expired' });
  expect(replays).toEqual([id]);
});

test('a code runs out after ten minutes, for the machine and for people', async () => {
  const { deviceCode, userCode } = await stage.fleet.devices.start(workspaceId, newMachine().description);
  await stage.store.setClockOffset(600_001);
  expect(await poll(deviceCode)).toEqual({ state: 'expired' });
  await expect(approve(userCode)).rejects.toMatchObject({ code: 'not-found' });
  await stage.store.setClockOffset(0);
});

test('a device code that nobody got, and a damaged key, are refused', async () => {
  await expect(poll('guessed')).rejects.toMatchObject({ code: 'not-found' });
  const { description } = newMachine();
  const last = description.publicKey.endsWith('A') ? 'B' : 'A';
  const publicKey = description.publicKey.slice(0, -1) + last;
  const asked = stage.fleet.devices.start(workspaceId, { ...description, publicKey });
  await expect(asked).rejects.toMatchObject({ code: 'invalid', started: 'no' });
});

test('a machine that was revoked before it polled gets nothing', async () => {
  const { deviceCode, userCode } = await stage.fleet.devices.start(workspaceId, newMachine().description);
  const { id } = await approve(userCode);
  expect(await stage.fleet.enrollments.revoke(workspaceId, id)).toMatchObject({ state: 'revoked' });
  expect(await poll(deviceCode)).toEqual({ state: 'denied' });
});
