import { z } from 'zod';

/** Any UUID in its canonical lower-case form; what callers choose themselves need not be of version 7. */
export const Uuid = z.uuid().toLowerCase();
export type Uuid = z.infer<typeof Uuid>;

/** An id that Boxyard gave: a UUIDv7, so that ids sort by the time they were made. */
export const Id = z.uuidv7().toLowerCase();
export type Id = z.infer<typeof Id>;

/** A workspace's readable name in paths: lower case, digits and inner hyphens, 1–63 characters. */
export const WorkspaceSlug = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'use 1-63 of a-z, 0-9 and inner hyphens')
  // A slug of this shape could stand for another workspace's id.
  .refine((slug) => !Uuid.safeParse(slug).success, 'must not look like a UUID');
export type WorkspaceSlug = z.infer<typeof WorkspaceSlug>;

/** What `:ws` of a path may be. Only the id is ever stored, returned or claimed. */
export const WorkspaceRef = z.union([Uuid, WorkspaceSlug]);
export type WorkspaceRef = z.infer<typeof WorkspaceRef>;

/** The `Idempotency-Key` header: 1–255 printable ASCII characters, remembered for 24 h per workspace. */
export const IdempotencyKey = z.string().regex(/^[\x21-\x7e]{1,255}$/, 'use 1-255 printable characters');
export type IdempotencyKey = z.infer<typeof IdempotencyKey>;
