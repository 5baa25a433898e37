import { z } from 'zod';
import { Id, WorkspaceSlug } from './identifiers.ts';
import { pageOf } from './page.ts';
import { Timestamp } from './timestamp.ts';

/** Body of `POST /v1/workspaces`. */
export const CreateWorkspaceRequest = z.strictObject({
  slug: WorkspaceSlug,
});
export type CreateWorkspaceRequest = z.infer<typeof CreateWorkspaceRequest>;

/** Who shares sessions and keys. */
export const Workspace = z.object({
  id: Id,
  slug: WorkspaceSlug,
  createdAt: Timestamp,
});
export type Workspace = z.infer<typeof Workspace>;

/** Answer of `GET /v1/workspaces`: what the key may see. */
export const WorkspaceList = pageOf(Workspace);
export type WorkspaceList = z.infer<typeof WorkspaceList>;
