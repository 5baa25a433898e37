import { CreateWorkspaceRequest, PageQuery, Workspace, WorkspaceList } from '@boxyard/contracts';
import type { WorkspaceRecord } from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import type { RouteTable } from '../define-route.ts';
import { mayEnter } from '../gate.ts';
import { actOf } from '../request-audit.ts';
import type { ApiServices } from '../services.ts';

const describeWorkspace = (workspace: WorkspaceRecord): Workspace => ({
  id: workspace.id,
  slug: workspace.slug,
  createdAt: workspace.createdAt.toISOString(),
});

export function addWorkspaceRoutes(routes: RouteTable, { workspaces }: ApiServices): void {
  routes.add(
    {
      route: 'GET /v1/workspaces',
      tag: 'workspaces',
      name: 'list',
      summary: 'The workspaces that this key may enter',
      query: PageQuery,
      status: 200,
      answer: WorkspaceList,
    },
    async (_, c) => {
      const all = await workspaces.list();
      return {
        items: all.filter((workspace) => mayEnter(c.get('key'), workspace)).map(describeWorkspace),
        nextCursor: null,
      };
    },
  );

  routes.add(
    {
      route: 'POST /v1/workspaces',
      tag: 'workspaces',
      name: 'create',
      summary: 'Make a workspace',
      body: CreateWorkspaceRequest,
      status: 201,
      answer: Workspace,
    },
    async ({ body }, c) => {
      const workspace = { id: uuidv7(), slug: body.slug, createdAt: new Date() };
      actOf(c).target = workspace.id;
      await workspaces.create(workspace);
      return describeWorkspace(workspace);
    },
  );

  routes.add(
    {
      route: 'GET /v1/workspaces/:ws',
      tag: 'workspaces',
      name: 'get',
      summary: 'One workspace by id or slug',
      status: 200,
      answer: Workspace,
    },
    async (_, c) => describeWorkspace(c.get('workspace')),
  );
}
