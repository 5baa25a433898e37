import { mintMachineToken, openMachineToken } from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RefusedCredential } from '../src/refused-credential.ts';
import {
  type FleetStage,
  newMachine,
  openFleetStage,
  sign,
  type TestMachine,
  TOKEN_SECRET,
} from './fleet-stage.ts';

let stage: FleetStage;
let nowMs = Date.now();
beforeAll(async () => {
  stage = await openFleetStage({ now: () => new Date(nowMs) });
});
afterAll(() => stage[Symbol.asyncDispose]());

const workspaceId = uuidv7();

/** What a refusal says, and whose audit it belongs in. */
async function refusalOf(work: Promise<unknown>) {
  const error = await work.then(
    () => expect.fail('It was not refused.'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RefusedCredential)) throw error;
  return { stage: error.stage, workspaceId: error.workspaceId, actor: error.actor };
}

const createToken = (overrides: Partial<Parameters<FleetStage['fleet']['tokens']['create']>[0]> = {}) =>
  stage.fleet.tokens.create({
    workspaceId,
    createdBy: 'ada',
    allowScreenControl: false,
    uses: 1,
    ttlMs: 3_600_000,
    ...overrides,
  });

async function enrolled(machine: TestMachine = newMachine()) {
  const { token } = await createToken();
  const { credentials } = await stage.fleet.tokens.exchange(token, machine.description);
  return { ...machine, credentials, bearer: credentials.bearer };
}
type Enrolled = Awaited<ReturnType<typeof enrolled>>;

async function renew({ bearer, key }: Pick<Enrolled, 'bearer' | 'key'>) {
  // A challenge of the same millisecond as the last one would be taken for it.
  nowMs += 1;
  const { challenge } = await stage.fleet.renewal.challenge(bearer);
  return stage.fleet.renewal.renew(bearer, { challenge, signature: sign(key, challenge) });
}

describe('an enrollment token', () => {
  test('enrolls a machine with what its maker allowed, and counts', async () => {
    const { token, uses } = await createToken({ allowScreenControl: true, uses: 2 });
    expect(uses).toBe(2);
    const exchange = (machine = newMachine()) => stage.fleet.tokens.exchange(token, machine.description);
    expect(await exchange()).toMatchObject({
      enrollment: { workspaceId, approvedBy: 'ada', allowScreenControl: true },
      credentials: { workspaceId, consentedScreenControl: true },
    });
    const modest = newMachine({ requestsScreenControl: false });
    expect(await exchange(modest)).toMatchObject({ enrollment: { allowScreenControl: false } });
    const { agentId } = (await exchange(modest)).credentials;
    expect((await exchange(modest)).enrollment.id).toBe(agentId);
    expect(await refusalOf(exchange())).toMatchObject({
      stage: 'token.used-up',
      workspaceId,
      actor: { kind: 'enrollment-token' },
    });
  });

  test('that ran out, or is not on record, is refused in the name of its workspace', async () => {
    const { token, id } = await createToken({ ttlMs: 60_000 });
    nowMs += 61_000;
    const refused = { workspaceId, actor: { kind: 'enrollment-token', id } };
    const exchange = stage.fleet.tokens.exchange(token, newMachine().description);
    expect(await refusalOf(exchange)).toEqual({ stage: 'token.expired', ...refused });
    const claims = openMachineToken('enrollment', token, TOKEN_SECRET, { now: new Date(0) });
    const elsewhere = mintMachineToken(
      'enrollment',
      { ...claims, workspaceId: uuidv7(), exp: claims.exp + 3_600 },
      TOKEN_SECRET,
    );
    const moved = await refusalOf(stage.fleet.tokens.exchange(elsewhere, newMachine().description));
    expect(moved.stage).toBe('token.unknown');
  });

  test('that somebody forged says nothing about anybody', async () => {
    const { token } = await createToken();
    const forged = `${token.slice(0, -2)}${token.endsWith('AA') ? 'BB' : 'AA'}`;
    const exchange = stage.fleet.tokens.exchange(forged, newMachine().description);
    await expect(exchange).rejects.toMatchObject({ code: 'denied', stage: 'token.signature' });
    await expect(exchange).rejects.not.toBeInstanceOf(RefusedCredential);
  });
});

describe('a renewal', () => {
  test('answers new credentials to the machine that signs', async () => {
    const machine = await enrolled();
    nowMs += 2_000;
    const { bearer, agentId, natsJwt } = await renew(machine);
    expect(agentId).toBe(machine.credentials.agentId);
    expect(bearer).not.toBe(machine.bearer);
    expect(natsJwt).not.toBe(machine.credentials.natsJwt);
    expect(await renew({ ...machine, bearer })).toMatchObject({ agentId });
  });

  test('of lost answers works with the bearer that the machine has, and not with older ones', async () => {
    const machine = await enrolled();
    for (let lost = 0; lost < 3; lost++) await renew(machine);
    const second = await renew(machine);
    await renew({ ...machine, bearer: second.bearer });
    expect(await refusalOf(renew(machine))).toEqual({
      stage: 'token.replayed',
      workspaceId,
      actor: { kind: 'machine', id: second.agentId },
    });
  });

  test('with a challenge that was used before is refused', async () => {
    const machine = await enrolled();
    const { challenge } = await stage.fleet.renewal.challenge(machine.bearer);
    const proof = { challenge, signature: sign(machine.key, challenge) };
    const { bearer } = await stage.fleet.renewal.renew(machine.bearer, proof);
    for (const shown of [machine.bearer, bearer]) {
      expect((await refusalOf(stage.fleet.renewal.renew(shown, proof))).stage).toBe('token.replayed');
    }
  });

  test("with another machine's key, challenge or bearer is refused", async () => {
    const [machine, other] = [await enrolled(), await enrolled()];
    const { challenge } = await stage.fleet.renewal.challenge(machine.bearer);
    const renewal = (bearer: string, key: Enrolled['key']) =>
      refusalOf(stage.fleet.renewal.renew(bearer, { challenge, signature: sign(key, challenge) }));
    const mine = { workspaceId, actor: { kind: 'machine', id: machine.credentials.agentId } };
    const others = { workspaceId, actor: { kind: 'machine', id: other.credentials.agentId } };
    expect(await renewal(machine.bearer, other.key)).toEqual({ stage: 'token.unproven', ...mine });
    expect(await renewal(other.bearer, other.key)).toEqual({ stage: 'token.scope', ...others });
    expect(await renewal(other.bearer, machine.key)).toEqual({ stage: 'token.scope', ...others });
  });

  test('with a challenge of a minute ago, or a bearer of three months ago, is refused', async () => {
    const machine = await enrolled();
    const { challenge } = await stage.fleet.renewal.challenge(machine.bearer);
    nowMs += 61_000;
    const proof = { challenge, signature: sign(machine.key, challenge) };
    expect((await refusalOf(stage.fleet.renewal.renew(machine.bearer, proof))).stage).toBe('token.scope');
    nowMs += 90 * 24 * 3_600_000;
    expect(await refusalOf(renew(machine))).toMatchObject({ stage: 'token.expired', workspaceId });
  });

  test('of a bearer that names another workspace, or nobody, is refused', async () => {
    const machine = await enrolled();
    const claims = openMachineToken('bearer', machine.bearer, TOKEN_SECRET, { now: new Date(nowMs) });
    for (const changed of [{ workspaceId: uuidv7() }, { agentId: uuidv7() }]) {
      const bearer = mintMachineToken('bearer', { ...claims, ...changed }, TOKEN_SECRET);
      expect((await refusalOf(renew({ ...machine, bearer }))).stage).toBe('token.unknown');
    }
    const forged = `${machine.bearer.slice(0, -2)}${machine.bearer.endsWith('AA') ? 'BB' : 'AA'}`;
    await expect(renew({ ...machine, bearer: forged })).rejects.toMatchObject({ stage: 'token.signature' });
  });

  test('of a machine that was revoked, or enrolled anew with the same key, is refused', async () => {
    const machine = await enrolled();
    await stage.fleet.enrollments.revoke(workspaceId, machine.credentials.agentId);
    expect((await refusalOf(renew(machine))).stage).toBe('token.revoked');
    const [first, second] = [await enrolled(machine), await enrolled(machine)];
    expect((await refusalOf(renew(first))).stage).toBe('token.revoked');
    expect(await renew(second)).toMatchObject({ agentId: second.credentials.agentId });
  });
});
