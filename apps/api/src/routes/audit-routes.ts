import { type AuditEntry, AuditList, AuditQuery } from '@boxyard/contracts';
import type { StoredAuditEntry } from '@boxyard/sandbox-core';
import { decodeCursor, encodeCursor } from '../cursor.ts';
import type { RouteTable } from '../define-route.ts';
import type { ApiServices } from '../services.ts';

const ENTRY_ID = /^[0-9a-f-]{36}$/;

const describeEntry = ({ at, ...entry }: StoredAuditEntry): AuditEntry => ({
  ...entry,
  at: at.toISOString(),
});

export function addAuditRoutes(routes: RouteTable, { audit }: ApiServices): void {
  routes.add(
    {
      route: 'GET /v1/workspaces/:ws/audit',
      tag: 'audit',
      name: 'list',
      summary: 'Who did what in a workspace, newest first',
      query: AuditQuery,
      status: 200,
      answer: AuditList,
    },
    async ({ query }, c) => {
      const entries = await audit.list(c.get('workspace').id, {
        limit: query.limit,
        after: query.cursor === undefined ? undefined : decodeCursor(query.cursor, ENTRY_ID),
        action: query.action,
        actorId: query.actor,
        sessionId: query.session,
        from: query.from === undefined ? undefined : new Date(query.from),
        to: query.to === undefined ? undefined : new Date(query.to),
      });
      const last = entries.length < query.limit ? undefined : entries.at(-1);
      return {
        items: entries.map(describeEntry),
        nextCursor: last === undefined ? null : encodeCursor(last.id),
      };
    },
  );
}
