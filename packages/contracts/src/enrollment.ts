// How a machine of a user comes to be enrolled. Seconds here, because the device flow (RFC 8628) counts in them.
import { z } from 'zod';
import { OperatingSystem } from './backend-descriptor.ts';
import { Id, WorkspaceRef } from './identifiers.ts';
import { pageOf } from './page.ts';
import { Timestamp } from './timestamp.ts';

/**
 * The public half of the machine's ed25519 key pair, as an nkey of a user: `U` and 55 characters of base32. The
 * machine signs in at NATS with the same pair.
 */
export const MachinePublicKey = z.string().regex(/^U[A-Z2-7]{55}$/, 'must be the public nkey of a user');
export type MachinePublicKey = z.infer<typeof MachinePublicKey>;

/** Four and four characters, none of which is taken for another when it is read aloud: no 0, O, 1 and I. */
export const UserCode = z
  .string()
  .trim()
  .toUpperCase()
  .regex(/^[2-9A-HJ-NP-Z]{4}-?[2-9A-HJ-NP-Z]{4}$/, 'must be of the form XXXX-XXXX')
  .transform((code) => `${code.slice(0, 4)}-${code.slice(-4)}`);
export type UserCode = z.infer<typeof UserCode>;

export const MachineArchitecture = z.enum(['x86_64', 'aarch64']);
export type MachineArchitecture = z.infer<typeof MachineArchitecture>;

/** What a machine says about itself before anybody has agreed to it. Shown to people as it is. */
const description = {
  publicKey: MachinePublicKey,
  os: OperatingSystem,
  arch: MachineArchitecture,
  machineName: z
    .string()
    .trim()
    .min(1)
    .max(128)
    .regex(/^[^\p{C}\p{Zl}\p{Zp}]*$/u, 'must not hold control characters')
    .default('machine'),
  /** Commands run as the user who starts the agent, with all that this user may do. */
  exposure: z.literal('whole-machine'),
  /** There is a screen. */
  canOfferDisplay: z.boolean().default(false),
  /** Its owner would let others type and click. */
  requestsScreenControl: z.boolean().default(false),
};

/** Body of `POST /v1/enrollments/device/start`. */
export const StartEnrollmentRequest = z.strictObject({ ...description, workspaceId: WorkspaceRef });
export type StartEnrollmentRequest = z.infer<typeof StartEnrollmentRequest>;

/** Its answer. The device code is the machine's alone; the user code is what a person types. */
export const StartedEnrollment = z.object({
  deviceCode: z.string(),
  userCode: z.string(),
  verificationUri: z.string(),
  verificationUriComplete: z.string(),
  intervalSeconds: z.int().positive(),
  expiresInSeconds: z.int().positive(),
});
export type StartedEnrollment = z.infer<typeof StartedEnrollment>;

/** What an enrolled machine works with. Everything in it but the ids is renewed by `refresh`. */
export const MachineCredentials = z.object({
  agentId: Id,
  workspaceId: Id,
  /** `oge_…`: shown at every refresh, and worth nothing without the machine's key. */
  bearer: z.string(),
  bearerExpiresAt: Timestamp,
  /** `agent.<workspace>.<agent>`: everything that the machine may speak of. */
  subjectPrefix: z.string(),
  natsUrls: z.array(z.string()).min(1),
  /** Of the NATS user whose key is the machine's. The server cuts the connection when it runs out. */
  natsJwt: z.string(),
  natsJwtExpiresAt: Timestamp,
  /** Null when this server has no relay. */
  relayUrl: z.string().nullable(),
  /** `ogr_…`; null without a relay. */
  relayToken: z.string().nullable(),
  relayTokenExpiresAt: Timestamp.nullable(),
  consentedWholeMachine: z.boolean(),
  consentedScreenControl: z.boolean(),
});
export type MachineCredentials = z.infer<typeof MachineCredentials>;

/** Body of `POST /v1/enrollments/device/poll`. */
export const PollEnrollmentRequest = z.strictObject({ deviceCode: z.string().min(1).max(128) });
export type PollEnrollmentRequest = z.infer<typeof PollEnrollmentRequest>;

/** Its answer. `slow_down`: wait `intervalSeconds`, which is longer than before. */
export const PolledEnrollment = z.discriminatedUnion('state', [
  z.object({ state: z.enum(['pending', 'slow_down']), intervalSeconds: z.int().positive() }),
  z.object({ state: z.enum(['denied', 'expired']) }),
  z.object({ state: z.literal('authorized'), credentials: MachineCredentials }),
]);
export type PolledEnrollment = z.infer<typeof PolledEnrollment>;

/** Body of `POST /v1/enrollments/device/{lookup,deny}`. */
export const UserCodeRequest = z.strictObject({ userCode: UserCode });
export type UserCodeRequest = z.infer<typeof UserCodeRequest>;

/** Who asks, and for what. */
export const PendingEnrollment = z.object({
  userCode: z.string(),
  workspaceId: Id,
  machineName: z.string(),
  os: OperatingSystem,
  arch: MachineArchitecture,
  /** Of its key, as the machine shows it too. */
  fingerprint: z.string(),
  exposure: z.literal('whole-machine'),
  canOfferDisplay: z.boolean(),
  requestsScreenControl: z.boolean(),
  expiresAt: Timestamp,
});
export type PendingEnrollment = z.infer<typeof PendingEnrollment>;

/** Body of `POST enrollments/device/approve`. */
export const ApproveEnrollmentRequest = UserCodeRequest.extend({
  /** Others may type and click on the screen. Never more than the machine asked for. */
  allowScreenControl: z.boolean().default(false),
});
export type ApproveEnrollmentRequest = z.infer<typeof ApproveEnrollmentRequest>;

/** Body of `POST enrollments/token`. */
export const CreateEnrollmentTokenRequest = z.strictObject({
  allowScreenControl: z.boolean().default(false),
  /** How many machines may use it. */
  uses: z.int().min(1).max(10_000).default(1),
  expiresInSeconds: z
    .int()
    .min(60)
    .max(24 * 3600)
    .default(3600),
});
export type CreateEnrollmentTokenRequest = z.infer<typeof CreateEnrollmentTokenRequest>;

/** Its answer, and the only place that the token is shown. */
export const CreatedEnrollmentToken = z.object({
  /** `oget_…` */
  token: z.string(),
  expiresAt: Timestamp,
  uses: z.int(),
});
export type CreatedEnrollmentToken = z.infer<typeof CreatedEnrollmentToken>;

/** Body of `POST /v1/enrollments/token/exchange`. */
export const ExchangeEnrollmentTokenRequest = z.strictObject({
  ...description,
  token: z.string().min(1).max(4096),
});
export type ExchangeEnrollmentTokenRequest = z.infer<typeof ExchangeEnrollmentTokenRequest>;

/**
 * Body of `POST /v1/enrollments/refresh`: first without a proof, which answers a challenge; then with the same
 * bearer, that challenge and the ed25519 signature of its characters (base64url), which answers credentials.
 */
export const RefreshEnrollmentRequest = z.strictObject({
  bearer: z.string().min(1).max(4096),
  proof: z
    .strictObject({
      challenge: z.string().min(1).max(4096),
      signature: z.string().regex(/^[A-Za-z0-9_-]{86}$/, 'must be 64 bytes in base64url'),
    })
    .optional(),
});
export type RefreshEnrollmentRequest = z.infer<typeof RefreshEnrollmentRequest>;

/** Its answer. */
export const RefreshedEnrollment = z.discriminatedUnion('state', [
  z.object({ state: z.literal('challenge'), challenge: z.string(), expiresAt: Timestamp }),
  z.object({ state: z.literal('authorized'), credentials: MachineCredentials }),
]);
export type RefreshedEnrollment = z.infer<typeof RefreshedEnrollment>;

/** A machine that was let in, and what it was let in to. */
export const Enrollment = z.object({
  /** Also the id of the machine, and of its agent on the wire. */
  id: Id,
  workspaceId: Id,
  machineName: z.string(),
  os: OperatingSystem,
  arch: MachineArchitecture,
  fingerprint: z.string(),
  state: z.enum(['active', 'revoked']),
  exposure: z.literal('whole-machine'),
  allowScreenControl: z.boolean(),
  /** Id of the key that approved it, or of the key that made its enrollment token. */
  approvedBy: z.string(),
  createdAt: Timestamp,
  /** When it last got credentials. */
  refreshedAt: Timestamp,
  revokedAt: Timestamp.nullable(),
});
export type Enrollment = z.infer<typeof Enrollment>;

/** Answer of `GET enrollments`: newest first, revoked ones too. */
export const EnrollmentList = pageOf(Enrollment);
export type EnrollmentList = z.infer<typeof EnrollmentList>;
