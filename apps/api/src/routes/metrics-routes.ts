import type { RouteTable } from '../define-route.ts';
import type { ApiServices } from '../services.ts';

/** Prometheus' text format, version 0.0.4. */
const TEXT = 'text/plain; version=0.0.4; charset=utf-8';

export function addMetricsRoutes(routes: RouteTable, { renderMetrics }: ApiServices): void {
  routes.add(
    {
      route: 'GET /metrics',
      tag: 'server',
      name: 'metrics',
      summary: 'What the server counts, for Prometheus; opens with metrics:read or the metrics token',
      status: 200,
      rawAnswer: 'text/plain',
    },
    async (_, c) => c.body(await renderMetrics(), 200, { 'content-type': TEXT }),
  );
}
