import type { MachineBeat, MachineHello, NewEnrollment } from '@boxyard/sandbox-core';
import { v4 as uuidv4, v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openTestStore, type TestStore } from './testing.ts';

let store: TestStore;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());
beforeEach(() => store.setClockOffset(0));

const SECOND = 1_000;

async function enrolled(workspaceId = uuidv7(), machineName = 'a laptop') {
  const tokenId = uuidv7();
  const expiresAt = new Date(Date.now() + 3_600_000);
  await store.enrollments.createToken({ id: tokenId, workspaceId, uses: 1, expiresAt, createdBy: 'a key' });
  const made: NewEnrollment = {
    id: uuidv7(),
    workspaceId,
    machine: {
      publicKey: uuidv7(),
      os: 'linux',
      arch: 'x86_64',
      machineName,
      canOfferDisplay: false,
      requestsScreenControl: false,
    },
    allowScreenControl: false,
    approvedBy: 'a key',
  };
  await store.enrollments.exchangeToken(tokenId, made, 1_000);
  return { workspaceId, agentId: made.id, instance: uuidv4() };
}
type Speaker = Awaited<ReturnType<typeof enrolled>>;

const hello = (speaker: Speaker): MachineHello => ({
  ...speaker,
  agentVersion: '1.2.3',
  workspaceRoot: '/home/ada',
  capabilities: {
    exec: true,
    filesystem: true,
    git: true,
    pty: true,
    desktop: false,
    desktopUnavailableReason: null,
    display: null,
    opStream: true,
  },
});

const beat = (speaker: Speaker, cpuPercent = 1): MachineBeat => ({
  ...speaker,
  draining: false,
  metrics: {
    sampledAt: new Date(0).toISOString(),
    cpuPercent,
    load1: 0,
    load5: 0,
    load15: 0,
    memUsedBytes: 1,
    memTotalBytes: 2,
    diskUsedBytes: 3,
    diskTotalBytes: 4,
    runQueue: 0,
    gpus: [],
  },
});

const find = async ({ workspaceId, agentId }: Speaker) =>
  (await store.machines.find(workspaceId, agentId)) ?? expect.fail('The machine is not there.');

test('a machine is known from its hello, and was not seen before', async () => {
  const laptop = await enrolled();
  expect(await find(laptop)).toMatchObject({
    lastSeenAt: null,
    silentMs: null,
    instance: null,
    capabilities: null,
    metrics: null,
  });
  expect(await store.machines.hello(hello(laptop))).toBe(true);
  const { capabilities } = hello(laptop);
  expect(await find(laptop)).toMatchObject({
    instance: laptop.instance,
    agentVersion: '1.2.3',
    workspaceRoot: '/home/ada',
    capabilities,
    saidGoodbye: false,
    draining: false,
  });
});

test('heartbeats say that it is there and how busy it is, for a minute', async () => {
  const laptop = await enrolled();
  await store.machines.hello(hello(laptop));
  await store.setClockOffset(40 * SECOND);
  expect((await find(laptop)).silentMs).toBeGreaterThanOrEqual(39 * SECOND);
  await store.machines.beats([beat(laptop, 1)]);
  expect((await find(laptop)).silentMs).toBeLessThan(39 * SECOND);
  await store.setClockOffset(60 * SECOND);
  await store.machines.beats([{ ...beat(laptop, 2), draining: true }]);
  expect(await find(laptop)).toMatchObject({ draining: true, metrics: { cpuPercent: 2 } });
  const busy = async () =>
    (await store.machines.metrics(laptop.workspaceId, laptop.agentId)).map((sample) => sample.cpuPercent);
  expect(await busy()).toEqual([1, 2]);
  await store.setClockOffset(110 * SECOND);
  expect(await busy()).toEqual([2]);
  await store.setClockOffset(200 * SECOND);
  expect(await find(laptop)).toMatchObject({ metrics: null });
  const [{ kept } = { kept: -1 }] = await store.sql<{ kept: number }[]>`
    SELECT count(*)::int AS kept FROM boxyard.machine_samples WHERE machine_id = ${laptop.agentId}
  `;
  expect(kept).toBe(2);
  await store.machines.beats([beat(await enrolled())]);
  expect(
    await store.sql`SELECT FROM boxyard.machine_samples WHERE machine_id = ${laptop.agentId}`,
  ).toHaveLength(0);
});

test('a goodbye holds until the next hello, whatever of that process is late', async () => {
  const laptop = await enrolled();
  await store.machines.hello(hello(laptop));
  await store.machines.goodbye({ ...laptop, instance: uuidv4() });
  expect((await find(laptop)).saidGoodbye).toBe(false);
  await store.machines.goodbye(laptop);
  await store.machines.beats([beat(laptop)]);
  expect(await find(laptop)).toMatchObject({ saidGoodbye: true, metrics: null });
  const next = { ...laptop, instance: uuidv4() };
  await store.machines.hello(hello(next));
  expect(await find(laptop)).toMatchObject({ saidGoodbye: false, instance: next.instance });
});

test('of two processes with one identity the last that said hello counts', async () => {
  const laptop = await enrolled();
  const other = { ...laptop, instance: uuidv4() };
  await store.machines.hello(hello(laptop));
  await store.machines.hello(hello(other));
  await store.machines.beats([beat(laptop, 50), beat(other, 60)]);
  expect(await find(laptop)).toMatchObject({ instance: other.instance, metrics: { cpuPercent: 60 } });
});

test('a process whose hello was missed counts once the known one is silent', async () => {
  const laptop = await enrolled();
  const unheard = { ...laptop, instance: uuidv4() };
  await store.machines.hello(hello(laptop));
  await store.machines.beats([beat(unheard)]);
  expect((await find(laptop)).instance).toBe(laptop.instance);
  await store.setClockOffset(16 * SECOND);
  await store.machines.beats([beat(unheard)]);
  expect(await find(laptop)).toMatchObject({ instance: unheard.instance, agentVersion: '1.2.3' });
});

test('a stranger, and a machine that was revoked, change nothing', async () => {
  const laptop = await enrolled();
  const elsewhere = { ...laptop, workspaceId: uuidv7() };
  expect(await store.machines.hello(hello(elsewhere))).toBe(false);
  await store.machines.beats([beat(elsewhere), beat({ ...laptop, agentId: uuidv7() })]);
  expect((await find(laptop)).lastSeenAt).toBeNull();
  await store.machines.hello(hello(laptop));
  await store.machines.goodbye(elsewhere);
  expect((await find(laptop)).saidGoodbye).toBe(false);
  await store.enrollments.revoke(laptop.workspaceId, laptop.agentId);
  expect(await store.machines.hello(hello(laptop))).toBe(false);
  expect(await find(laptop)).toMatchObject({ enrollment: { state: 'revoked' } });
  expect(await store.machines.list(laptop.workspaceId)).toEqual([]);
  expect(await store.machines.find(uuidv7(), laptop.agentId)).toBeNull();
});

test('machines are listed by name, each workspace its own', async () => {
  const workspaceId = uuidv7();
  for (const name of ['b', 'a']) await enrolled(workspaceId, name);
  await enrolled();
  const names = (await store.machines.list(workspaceId)).map(
    ({ enrollment }) => enrollment.machine.machineName,
  );
  expect(names).toEqual(['a', 'b']);
});
