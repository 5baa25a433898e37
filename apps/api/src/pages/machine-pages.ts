import { type Machine, type MachineMetrics, Uuid } from '@boxyard/contracts';
import { html } from 'hono/html';
import { notFound } from '../gate.ts';
import { answerPage, type PageTable } from './page-context.ts';
import { csrfField, type Html, moment, SYSTEMS } from './page-layout.ts';

const LIVENESS = { online: 'Online', reconnecting: 'Reconnecting', offline: 'Offline' } as const;
const GIB = 1024 ** 3;

/** Which machines there are, and how one is sent away. */
export function addMachinePages(pages: PageTable): void {
  const workspaceOf = (c: Parameters<PageTable['enter']>[0], own: string) => c.req.query('workspace') ?? own;

  pages.signedIn('GET /machines', async (c, { session }) => {
    const workspace = await pages.enter(c, session, {
      workspace: workspaceOf(c, session.key.workspaceId),
      permission: 'enrollments:read',
      action: 'access',
    });
    const machines = await pages.fleet.machines.list(workspace.id);
    return answerPage(c, { title: 'Machines', body: machineTable(machines, workspace.slug), session });
  });

  pages.signedIn('GET /machines/:machineId/revoke', async (c, { session }) => {
    const { machine, workspace } = await find(c, session);
    const body = html`
<p>${machine.name} is cut off at once. It cannot come back without being let in again, and sessions that work on it stop
until they are moved.</p>
<form method="post">
${csrfField(session.csrfToken)}
<div class="actions">
<button class="bad">Revoke ${machine.name}</button>
<a href="/machines?workspace=${workspace.slug}">Keep it</a>
</div>
</form>`;
    return answerPage(c, { title: `Revoke ${machine.name}?`, body, session });
  });

  pages.signedIn('POST /machines/:machineId/revoke', async (c, { session }) => {
    const { machine, workspace } = await find(c, session);
    const revoked = await pages.fleet.enrollments.revoke(workspace.id, machine.id);
    if (revoked === null) throw notFound('machine');
    await pages.record(c, session.key.id, {
      workspaceId: workspace.id,
      action: 'enrollment.revoke',
      outcome: 'done',
      target: machine.id,
    });
    return c.redirect(`/machines?workspace=${workspace.slug}`, 303);
  });

  async function find(c: Parameters<PageTable['enter']>[0], session: Parameters<PageTable['enter']>[1]) {
    const workspace = await pages.enter(c, session, {
      workspace: workspaceOf(c, session.key.workspaceId),
      permission: 'enrollments:manage',
      action: 'enrollment.revoke',
    });
    const id = Uuid.safeParse(c.req.param('machineId'));
    const machine = id.success ? await pages.fleet.machines.find(workspace.id, id.data) : null;
    if (machine === null) throw notFound('machine');
    return { machine, workspace };
  }
}

function machineTable(machines: readonly Machine[], workspace: string): Html {
  if (machines.length === 0) {
    return html`<p>No machine is enrolled in ${workspace}. Start one with <code>npx @boxyard/agent enroll</code>, then
<a href="/enroll">let it in</a>.</p>`;
  }
  return html`<div class="scroll" role="region" aria-label="Machines" tabindex="0"><table>
<caption>Machines that were let in to ${workspace}</caption>
<thead><tr><th scope="col">Machine</th><th scope="col">State</th><th scope="col">Last seen</th>
<th scope="col">Busy</th><th scope="col">Screen control</th><th scope="col">Action</th></tr></thead>
<tbody>${machines.map((machine) => machineRow(machine, workspace))}</tbody>
</table></div>`;
}

const machineRow = (machine: Machine, workspace: string): Html => html`
<tr><th scope="row">${machine.name}<br><small>${SYSTEMS[machine.os]}, ${machine.arch}</small></th>
<td>${LIVENESS[machine.liveness]}${machine.draining ? ', stopping' : ''}</td>
<td>${machine.lastSeenAt === null ? 'never' : moment(machine.lastSeenAt)}</td>
<td>${machine.metrics === null ? 'not known' : busy(machine.metrics)}</td>
<td>${machine.allowScreenControl ? 'allowed' : 'not allowed'}</td>
<td><a href="/machines/${machine.id}/revoke?workspace=${workspace}">Revoke<span> ${machine.name}</span></a></td></tr>`;

const busy = ({ cpuPercent, memUsedBytes, memTotalBytes }: MachineMetrics): string =>
  `${Math.round(cpuPercent)} % CPU, ${(memUsedBytes / GIB).toFixed(1)} of ${(memTotalBytes / GIB).toFixed(1)} GiB`;
