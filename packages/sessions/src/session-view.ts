import type { Session } from '@boxyard/contracts';
import { livenessOf } from '@boxyard/leases';
import type { BoxGroup, Lease, SessionWithGroup } from '@boxyard/sandbox-core';

/** What a session works in at present: its own group, or one that it went to. */
export interface ActiveView {
  readonly lease: Lease | null;
  readonly restored: BoxGroup['restored'];
  readonly machine: Session['machine'];
}

/** The session as every answer shows it: names of the environment, never values; the source without its token. */
export function describeSession(
  { session, group, pointer }: SessionWithGroup,
  { lease, restored, machine }: ActiveView,
): Session {
  return {
    id: session.id,
    workspaceId: session.workspaceId,
    sandboxGroupId: group.id,
    activeSandboxId: pointer.activeSandboxId,
    activeEpoch: pointer.activeEpoch,
    backend: group.backend,
    image: group.image,
    name: session.name,
    // A group without a lease never had a box.
    liveness: lease === null ? 'cold' : livenessOf(lease.state),
    machine,
    leaseEpoch: lease?.epoch ?? 0,
    createdAt: session.createdAt.toISOString(),
    metadata: { ...session.metadata },
    environmentNames: [...group.environmentNames],
    source: group.source ? { git: group.source } : null,
    resources: Object.keys(group.resources).length === 0 ? null : group.resources,
    idleTimeoutMs: group.idleTimeoutMs,
    maxLifetimeMs: group.maxLifetimeMs,
    restored,
  };
}
