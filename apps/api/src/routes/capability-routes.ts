import { CapabilityDocument, ExposedPort, PortParam } from '@boxyard/contracts';
import { livenessOf } from '@boxyard/leases';
import { negotiateCapabilities, SandboxError } from '@boxyard/sandbox-core';
import type { RouteTable } from '../define-route.ts';
import { openBoxFor } from '../open-box.ts';
import { ApiError } from '../problem.ts';
import type { ApiServices } from '../services.ts';

export function addCapabilityRoutes(routes: RouteTable, services: ApiServices): void {
  routes.add(
    {
      route: 'GET /v1/workspaces/:ws/sessions/:sid/stream-capabilities',
      tag: 'sessions',
      name: 'capabilities',
      summary: 'What the session can do right now; asking never wakes its box',
      status: 200,
      answer: CapabilityDocument,
    },
    async (_, c) => {
      const { session, active: group } = await services.boxes.findActive(
        c.get('workspace').id,
        c.req.param('sid') ?? '',
      );
      const [lease, sharedBy, ofMachine] = await Promise.all([
        services.leases.read(group.id),
        services.sessionsOf(group.id),
        services.boxes.machineFacts(group),
      ]);
      const descriptor = services.provider(group.backend)?.descriptor;
      return negotiateCapabilities({
        sessionId: session.id,
        backend: group.backend,
        descriptor,
        os: descriptor?.os.default ?? 'linux',
        ...ofMachine,
        liveness: lease === null ? 'cold' : livenessOf(lease.state),
        leaseEpoch: lease?.epoch ?? 0,
        desktopEnabled: false,
        shared: sharedBy.length > 1,
        sharedSessionIds: sharedBy.filter((id) => id !== session.id),
      });
    },
  );

  routes.add(
    {
      route: 'GET /v1/workspaces/:ws/sessions/:sid/ports/:port',
      tag: 'ports',
      name: 'expose',
      summary: 'Where a port of the box can be reached',
      status: 200,
      answer: ExposedPort,
    },
    async (_, c) => {
      const port = PortParam.safeParse(c.req.param('port'));
      if (!port.success)
        throw new ApiError('invalid', 'The port is not valid. Use a number from 1 to 65535.');
      await using active = await openBoxFor(c, services);
      const { ports } = active.box.capabilities;
      if (!ports.available) {
        throw new SandboxError('unsupported', `This box exposes no ports: ${ports.reason}.`, {
          started: 'no',
        });
      }
      const exposed = await ports.use.expose(port.data);
      return { ...exposed, expiresAt: exposed.expiresAt?.toISOString() ?? null };
    },
  );
}
