import { z } from 'zod';
import { Id } from './identifiers.ts';

/** Counts the changes of one box group's workspace; grows with every one. */
export const Revision = z.int().nonnegative();
export type Revision = z.infer<typeof Revision>;

/** What every answer about the workspace carries, so that a reader can tell which box it looked at, and when. */
export const Revisioned = z.object({ revision: Revision, sandboxGroupId: Id.optional() });
export type Revisioned = z.infer<typeof Revisioned>;
