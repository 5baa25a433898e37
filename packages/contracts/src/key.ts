import { z } from 'zod';
import { Id } from './identifiers.ts';
import { pageOf } from './page.ts';
import { Permission } from './permission.ts';
import { Timestamp } from './timestamp.ts';

/** Body of `POST keys`. A key never grants more than the key that makes it. */
export const CreateKeyRequest = z.strictObject({
  name: z.string().trim().min(1).max(128),
  permissions: z
    .array(Permission)
    .min(1)
    .refine((list) => new Set(list).size === list.length, 'must not repeat a permission'),
  expiresAt: Timestamp.optional(),
});
export type CreateKeyRequest = z.infer<typeof CreateKeyRequest>;

/** A key without its secret, which is stored hashed. */
export const Key = z.object({
  id: Id,
  workspaceId: Id,
  name: z.string(),
  permissions: z.array(Permission),
  createdAt: Timestamp,
  expiresAt: Timestamp.nullable(),
  revokedAt: Timestamp.nullable(),
});
export type Key = z.infer<typeof Key>;

/** The only answer that ever holds the token. */
export const CreatedKey = Key.extend({ token: z.string().min(1) });
export type CreatedKey = z.infer<typeof CreatedKey>;

/** Answer of `GET keys`. */
export const KeyList = pageOf(Key);
export type KeyList = z.infer<typeof KeyList>;
