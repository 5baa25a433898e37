import { createHash, randomBytes } from 'node:crypto';
import { fingerprintOf } from '@boxyard/agent-proto';
import type { MachineCredentials, PendingEnrollment } from '@boxyard/contracts';
import {
  type DeviceGrant,
  type EnrollmentRecord,
  type EnrollmentStore,
  type MachineDescription,
  SandboxError,
  type StoredDeviceGrant,
} from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import type { CredentialMint } from './credential-mint.ts';
import {
  assertDecidable,
  DEVICE_GRANT_TTL_MS,
  noSuchCode,
  POLL_INTERVAL_MS,
  pollGrant,
} from './device-grant.ts';
import { checkPublicKey } from './machine-key.ts';
import { newUserCode } from './user-code.ts';

/** The codes of a machine that asks. */
export interface StartedGrant {
  readonly deviceCode: string;
  readonly userCode: string;
  readonly intervalMs: number;
  readonly ttlMs: number;
}

export type PolledGrant =
  | { readonly state: 'pending' | 'slow_down'; readonly intervalMs: number }
  | { readonly state: 'denied' | 'expired' }
  | { readonly state: 'authorized'; readonly credentials: MachineCredentials };

/** Told when credentials that were given out long ago are asked for again. */
export type OnReplay = (grant: DeviceGrant) => void;

/** Codes are drawn until one is free; with 40 random bits the second draw is a rarity. */
const DRAWS = 5;
/** Two that decide at once both look again; nobody loses more often than there are others. */
const TRIES = 10;

/** The device flow: a machine asks, a person decides, the machine gets its credentials. */
export class DeviceEnrollment {
  readonly #store: EnrollmentStore;
  readonly #mint: CredentialMint;

  constructor(options: { readonly store: EnrollmentStore; readonly mint: CredentialMint }) {
    this.#store = options.store;
    this.#mint = options.mint;
  }

  /** @throws SandboxError `invalid` for a damaged key. */
  async start(workspaceId: string, machine: MachineDescription): Promise<StartedGrant> {
    checkPublicKey(machine.publicKey);
    const deviceCode = randomBytes(32).toString('base64url');
    const grant = {
      id: uuidv7(),
      workspaceId,
      deviceCodeSha256: sha256(deviceCode),
      machine,
      intervalMs: POLL_INTERVAL_MS,
      ttlMs: DEVICE_GRANT_TTL_MS,
    };
    for (let draw = 0; draw < DRAWS; draw++) {
      const userCode = newUserCode();
      if (await this.#store.createGrant({ ...grant, userCode }))
        return { deviceCode, userCode, intervalMs: grant.intervalMs, ttlMs: grant.ttlMs };
    }
    throw new SandboxError('unreachable', 'No free code was found. Try again.', { started: 'no' });
  }

  /**
   * What the machine with this code asks for.
   *
   * @throws SandboxError `not-found` for a code that nobody waits with.
   */
  async lookup(userCode: string): Promise<PendingEnrollment> {
    const found = await this.#store.findGrant({ userCode });
    if (found === null) throw noSuchCode();
    assertDecidable(found.grant, found.grant.workspaceId, found.nowMs);
    return describe(found.grant);
  }

  /** @throws SandboxError `not-found` for a device code that was never given out. */
  async poll(deviceCode: string, onReplay: OnReplay): Promise<PolledGrant> {
    const by = { deviceCodeSha256: sha256(deviceCode) };
    return this.#step(by, async ({ grant, version, nowMs }) => {
      const { state, change, replayed } = pollGrant(grant, nowMs);
      if (change !== null && !(await this.#store.changeGrant(grant.id, version, change))) return null;
      if (replayed) onReplay(grant);
      if (state === 'pending' || state === 'slow_down')
        return { state, intervalMs: change?.intervalMs ?? grant.intervalMs };
      if (state !== 'authorized') return { state };
      const enrollment = await this.#store.find(grant.enrollmentId ?? '');
      // Revoked between the approval and the poll.
      if (enrollment?.state !== 'active') return { state: 'denied' };
      return { state, credentials: await this.#mint.mint(enrollment) };
    });
  }

  /**
   * Lets the machine in. Nobody allows more than it asked for.
   *
   * @throws SandboxError `not-found` for a code that nobody in this workspace waits with, `conflict` when it was
   * decided already.
   */
  async approve(
    workspaceId: string,
    userCode: string,
    by: { readonly approvedBy: string; readonly allowScreenControl: boolean },
  ): Promise<EnrollmentRecord> {
    const id = uuidv7();
    return this.#step({ userCode }, async ({ grant, version, nowMs }) => {
      assertDecidable(grant, workspaceId, nowMs);
      const made = await this.#store.changeGrant(
        grant.id,
        version,
        { decision: 'approved', enrollmentId: id },
        {
          id,
          workspaceId,
          machine: grant.machine,
          allowScreenControl: by.allowScreenControl && grant.machine.requestsScreenControl,
          approvedBy: by.approvedBy,
        },
      );
      return made ? this.#store.find(id) : null;
    });
  }

  /** @throws as `approve`. */
  async deny(workspaceId: string, userCode: string): Promise<PendingEnrollment> {
    return this.#step({ userCode }, async ({ grant, version, nowMs }) => {
      assertDecidable(grant, workspaceId, nowMs);
      const denied = await this.#store.changeGrant(grant.id, version, { decision: 'denied' });
      return denied ? describe(grant) : null;
    });
  }

  /** Looks and decides again as long as somebody else was faster. @param decide answers null then. */
  async #step<Result>(
    by: Parameters<EnrollmentStore['findGrant']>[0],
    decide: (found: StoredDeviceGrant) => Promise<Result | null>,
  ): Promise<Result> {
    for (let tries = 0; tries < TRIES; tries++) {
      const found = await this.#store.findGrant(by);
      if (found === null) throw noSuchCode();
      const result = await decide(found);
      if (result !== null) return result;
    }
    throw new SandboxError('unreachable', 'The enrollment is being changed by many at once. Try again.', {
      started: 'no',
    });
  }
}

const sha256 = (text: string) => createHash('sha256').update(text, 'utf8').digest('hex');

const describe = ({ userCode, workspaceId, machine, expiresAtMs }: DeviceGrant): PendingEnrollment => ({
  userCode,
  workspaceId,
  machineName: machine.machineName,
  os: machine.os,
  arch: machine.arch,
  fingerprint: fingerprintOf(machine.publicKey),
  exposure: 'whole-machine',
  canOfferDisplay: machine.canOfferDisplay,
  requestsScreenControl: machine.requestsScreenControl,
  expiresAt: new Date(expiresAtMs).toISOString(),
});
