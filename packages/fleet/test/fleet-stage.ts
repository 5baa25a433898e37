// A fleet on a real store, and machines with real keys.
import {
  deriveTokenSecret,
  type EnrollmentRecord,
  type MachineDescription,
  type NewEnrollment,
} from '@boxyard/sandbox-core';
import { openTestStore, type TestStore } from '@boxyard/store-postgres/testing';
import { createUser, type KeyPair } from '@nats-io/nkeys';
import { v7 as uuidv7 } from 'uuid';
import { createFleet, type Fleet, type FleetOptions } from '../src/fleet.ts';
import { createNatsOperator, type NatsOperator, signerOf } from '../src/nats-operator.ts';

export const TOKEN_SECRET = deriveTokenSecret('a secret key of at least 32 characters');

export interface FleetStage extends AsyncDisposable {
  readonly store: TestStore;
  readonly fleet: Fleet;
  readonly operator: NatsOperator;
}

export async function openFleetStage(overrides: Partial<FleetOptions> = {}): Promise<FleetStage> {
  const store = await openTestStore();
  const operator = await createNatsOperator();
  const fleet = createFleet({
    enrollments: store.enrollments,
    registry: store.machines,
    tokenSecret: TOKEN_SECRET,
    signer: signerOf(operator),
    jwtTtlMs: 300_000,
    addresses: () => ({
      publicUrl: 'http://127.0.0.1:7070',
      natsUrls: ['nats://127.0.0.1:4222'],
      relayUrl: 'ws://127.0.0.1:7071',
    }),
    ping: async () => 'silent',
    ...overrides,
  });
  return { store, fleet, operator, [Symbol.asyncDispose]: () => store.close() };
}

export interface TestMachine {
  readonly key: KeyPair;
  readonly description: MachineDescription;
}

export function newMachine(overrides: Partial<MachineDescription> = {}): TestMachine {
  const key = createUser();
  return {
    key,
    description: {
      publicKey: key.getPublicKey(),
      os: 'linux',
      arch: 'x86_64',
      machineName: 'a laptop',
      canOfferDisplay: true,
      requestsScreenControl: true,
      ...overrides,
    },
  };
}

/** As the machine signs a challenge. */
export const sign = (key: KeyPair, challenge: string): string =>
  Buffer.from(key.sign(Buffer.from(challenge))).toString('base64url');

/** Lets a machine in by the record alone. */
export async function enroll(
  { store }: FleetStage,
  workspaceId: string,
  machine: TestMachine = newMachine(),
): Promise<EnrollmentRecord> {
  const tokenId = uuidv7();
  const expiresAt = new Date(Date.now() + 3_600_000);
  await store.enrollments.createToken({ id: tokenId, workspaceId, uses: 1, expiresAt, createdBy: 'ada' });
  const enrollment: NewEnrollment = {
    id: uuidv7(),
    workspaceId,
    machine: machine.description,
    allowScreenControl: false,
    approvedBy: 'ada',
  };
  const exchanged = await store.enrollments.exchangeToken(tokenId, enrollment, 1_000);
  if ('enrollment' in exchanged) return exchanged.enrollment;
  throw new Error(`The machine was not enrolled: ${exchanged.outcome}.`);
}
