import { z } from 'zod';
import { Backend } from './backend-descriptor.ts';
import { Environment, EnvironmentName } from './environment.ts';
import { GitSource, GitSourceRequest } from './git-source.ts';
import { Id } from './identifiers.ts';
import { Liveness } from './liveness.ts';
import { MachineLiveness } from './machine.ts';
import { Metadata } from './metadata.ts';
import { pageOf } from './page.ts';
import { RestoreReceipt } from './restore-receipt.ts';
import { Timestamp } from './timestamp.ts';

/** A timer's bound: what is longer than this many milliseconds fires at once. */
const MAX_TIMER_MS = 2_147_483_647;

/** What a box may use. A provider that cannot hold a limit refuses it as `unsupported`. */
export const Resources = z.strictObject({
  /** Cores; fractions are fine. */
  cpu: z.number().positive().max(1024).optional(),
  memoryMb: z.int().positive().max(16_777_216).optional(),
  diskMb: z.int().positive().max(1_073_741_824).optional(),
  /** Processes and threads together. */
  pids: z.int().positive().max(4_194_304).optional(),
});
export type Resources = z.infer<typeof Resources>;

export const ImageName = z
  .string()
  .regex(/^[^\s\x00-\x1f\x7f-][^\s\x00-\x1f\x7f]{0,511}$/, 'must be an image name without blanks');

/** Body of `POST sessions`. Makes no box unless `start`: the first operation does. */
export const CreateSessionRequest = z.strictObject({
  /** The server's own choice when absent. */
  backend: Backend.optional(),
  image: ImageName.optional(),
  environment: Environment.default({}),
  metadata: Metadata.default({}),
  /** `new`, the group of a box to share, or a machine of a user, which is shared by all sessions on it. */
  sandbox: z
    .union([z.literal('new'), z.strictObject({ groupId: Id }), z.strictObject({ machineId: Id })])
    .default('new'),
  start: z.boolean().default(false),
  resources: Resources.optional(),
  /** How long the box is kept after the last one who needed it left. */
  idleTimeoutMs: z.int().min(1000).max(MAX_TIMER_MS).optional(),
  maxLifetimeMs: z.int().min(1000).max(MAX_TIMER_MS).optional(),
  name: z.string().trim().min(1).max(128).optional(),
  source: z.strictObject({ git: GitSourceRequest }).optional(),
});
export type CreateSessionRequest = z.infer<typeof CreateSessionRequest>;

/**
 * A session as every answer shows it. Values of the environment and tokens are never in it. `backend` and what the
 * box is made from are those of its own group; `liveness`, `leaseEpoch` and `restored` are of the box that it works
 * in.
 */
export const Session = z.object({
  id: Id,
  workspaceId: Id,
  /** Its own group, its home. */
  sandboxGroupId: Id,
  /** The group whose box it works in; null for home. */
  activeSandboxId: Id.nullable(),
  /** Grows with every swap. */
  activeEpoch: z.int().nonnegative(),
  backend: Backend,
  image: z.string().nullable(),
  name: z.string().nullable(),
  liveness: Liveness,
  /** The machine of a user that it works on; null for any other box. */
  machine: z.object({ id: Id, liveness: MachineLiveness }).nullable(),
  leaseEpoch: z.int().nonnegative(),
  createdAt: Timestamp,
  metadata: Metadata,
  environmentNames: z.array(EnvironmentName),
  source: z.object({ git: GitSource }).nullable(),
  resources: Resources.nullable(),
  idleTimeoutMs: z.int().nullable(),
  maxLifetimeMs: z.int().nullable(),
  /** Of the last time the box was made anew; null when it never was. */
  restored: RestoreReceipt.nullable(),
});
export type Session = z.infer<typeof Session>;

/** Answer of `GET sessions`. */
export const SessionList = pageOf(Session);
export type SessionList = z.infer<typeof SessionList>;

/** Body of `POST sessions/:sid/pause`. Without `force` it is a 409 while something keeps the box. */
export const PauseSessionRequest = z.strictObject({ force: z.boolean().default(false) });
export type PauseSessionRequest = z.infer<typeof PauseSessionRequest>;
