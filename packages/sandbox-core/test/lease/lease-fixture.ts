// Leases as tests of single transitions begin with them.
import { type BoxRef, coldLease, DEFAULT_LEASE_SETTINGS, type Holder, type Lease } from '../../src/index.ts';

export const settings = DEFAULT_LEASE_SETTINGS;
export const now = 1_000_000;
export const box: BoxRef = { provider: 'fake', instance: 'box-1', resume: {} };
export const other: BoxRef = { ...box, instance: 'box-2' };
export const request = { kind: 'request', id: 'server-1', attempt: 'a', subject: 'user' } as const;
export const viewer = { kind: 'viewer', id: 'tab-1', attempt: 'v', subject: 'user' } as const;

export const holding = (holder: typeof request | typeof viewer, more: Partial<Holder> = {}): Holder => ({
  ...holder,
  expiresAtMs: now + 1000,
  inputUntilMs: null,
  dirty: false,
  ...more,
});
export const lease = (more: Partial<Lease>): Lease => ({ ...coldLease('group', 'workspace'), ...more });
export const warm = (more: Partial<Lease> = {}): Lease =>
  lease({
    state: 'warm',
    epoch: 3,
    box,
    workspaceReady: true,
    boxSinceMs: 0,
    holders: [holding(request)],
    ...more,
  });
