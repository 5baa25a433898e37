import { CanaryReport } from '@boxyard/contracts';
import type { RouteTable } from '../define-route.ts';
import type { ApiServices } from '../services.ts';

export function addCanaryRoutes(routes: RouteTable, { runCanary }: ApiServices): void {
  routes.add(
    {
      route: 'POST /v1/canary',
      tag: 'server',
      name: 'canary',
      summary: 'Make a small box on each backend, run a marker command in it, and destroy it',
      status: 200,
      answer: CanaryReport,
    },
    () => runCanary(),
  );
}
