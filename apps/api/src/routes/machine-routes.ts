import { MachineList, MachineMetricsHistory, PageQuery } from '@boxyard/contracts';
import type { RouteTable } from '../define-route.ts';
import { notFound } from '../gate.ts';
import type { ApiServices } from '../services.ts';
import { fleetOf } from './enrollment-routes.ts';

export function addMachineRoutes(routes: RouteTable, services: ApiServices): void {
  routes.add(
    {
      route: 'GET /v1/workspaces/:ws/machines',
      tag: 'machines',
      name: 'list',
      summary: 'The enrolled machines of a workspace, and whether they are there',
      query: PageQuery,
      status: 200,
      answer: MachineList,
    },
    async (_, c) => ({
      items: [...(await fleetOf(services).machines.list(c.get('workspace').id))],
      nextCursor: null,
    }),
  );

  routes.add(
    {
      route: 'GET /v1/workspaces/:ws/machines/:machineId/metrics',
      tag: 'machines',
      name: 'metrics',
      summary: 'How busy a machine was in the last minute',
      status: 200,
      answer: MachineMetricsHistory,
    },
    async (_, c) => {
      const id = c.req.param('machineId') ?? '';
      const samples = await fleetOf(services).machines.metrics(c.get('workspace').id, id);
      if (samples === null) throw notFound('machine');
      return { samples: [...samples] };
    },
  );
}
