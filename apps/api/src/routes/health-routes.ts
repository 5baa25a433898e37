import { Health, Readiness } from '@boxyard/contracts';
import type { RouteTable } from '../define-route.ts';
import type { ApiServices } from '../services.ts';

export function addHealthRoutes(routes: RouteTable, { readiness }: ApiServices): void {
  routes.add(
    {
      route: 'GET /healthz',
      tag: 'server',
      name: 'health',
      summary: 'The process runs and answers',
      status: 200,
      answer: Health,
    },
    async () => ({ status: 'ok' as const }),
  );

  routes.add(
    {
      route: 'GET /readyz',
      tag: 'server',
      name: 'readiness',
      summary: 'Whether the server can do its work, and how much its data folder holds; 503 when it cannot',
      status: 200,
      answer: Readiness,
      otherAnswers: [{ status: 503, summary: 'Not ready, and why', answer: Readiness }],
    },
    async (_, c) => {
      const state = await readiness();
      return c.json(state, state.status === 'ready' ? 200 : 503);
    },
  );
}
