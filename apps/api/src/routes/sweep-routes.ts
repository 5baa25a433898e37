import { SweepReport, SweepRequest } from '@boxyard/contracts';
import type { RouteTable } from '../define-route.ts';
import { actOf } from '../request-audit.ts';
import type { ApiServices } from '../services.ts';

export function addSweepRoutes(routes: RouteTable, { sweep }: ApiServices): void {
  routes.add(
    {
      route: 'POST /v1/sweep',
      tag: 'server',
      name: 'sweep',
      repeatable: 'always',
      summary: 'Destroy boxes of this deployment that no lease names; every other box is only reported',
      body: SweepRequest,
      status: 200,
      answer: SweepReport,
    },
    async ({ body: { dryRun } }, c) => {
      actOf(c).detail = { dryRun: String(dryRun) };
      return sweep({ dryRun, signal: c.req.raw.signal });
    },
  );
}
