import { z } from 'zod';

/**
 * What a key may do. `sessions:control` covers create, delete, pause, messages, cancel, approvals and swap;
 * `workspaces:manage` is the operator's: making workspaces and seeing all of them. `audit:read` is for whoever
 * oversees a workspace,
 * `metrics:read` for whatever watches the server.
 */
export const PERMISSIONS = [
  'files:read',
  'files:write',
  'terminal:attach',
  'stream:view',
  'stream:acknowledge',
  'stream:control',
  'sessions:read',
  'sessions:control',
  'enrollments:read',
  'enrollments:manage',
  'keys:manage',
  'audit:read',
  'metrics:read',
  'workspaces:manage',
] as const;

/** One thing that a key may do. */
export const Permission = z.enum(PERMISSIONS);
export type Permission = z.infer<typeof Permission>;
