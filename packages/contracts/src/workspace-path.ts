import { z } from 'zod';

/**
 * A path relative to the workspace root; the root is the empty string. Only its length is judged here:
 * whether it stays inside is for the path jail, which knows where links lead.
 */
export const WorkspacePath = z.string().max(4096);
export type WorkspacePath = z.infer<typeof WorkspacePath>;
