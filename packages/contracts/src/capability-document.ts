import { z } from 'zod';
import { Backend, OperatingSystem } from './backend-descriptor.ts';
import { Id } from './identifiers.ts';
import { Liveness } from './liveness.ts';
import { Timestamp } from './timestamp.ts';

/** How often a viewer shows that it is still there, in milliseconds. The one place that says so. */
export const VIEWER_HEARTBEAT_INTERVAL_MS = 45_000;

/** Why a cell is not available, or only in part. */
export const CapabilityReason = z.enum([
  'backend_unsupported',
  'os_unsupported',
  'not_provisioned',
  'disabled_by_policy',
  'lease_cold',
  'tier_headless',
  'agent_offline',
  'agent_reconnecting',
  'consent_required',
  'display_unavailable',
]);
export type CapabilityReason = z.infer<typeof CapabilityReason>;

const reason = CapabilityReason.nullable();
const ticket = {
  url: z.string().nullable(),
  token: z.string().nullable(),
  expiresAt: Timestamp.nullable(),
};

/** What a session can do right now. Every cell is always there; what is unavailable says why. */
export const CapabilityDocument = z.object({
  sessionId: Id,
  backend: Backend,
  os: OperatingSystem,
  liveness: Liveness,
  leaseEpoch: z.int().nonnegative(),
  viewerHeartbeatIntervalMs: z.int().positive(),
  FileSystem: z.object({
    available: z.boolean(),
    readOnly: z.boolean(),
    root: z.string(),
    pathSep: z.enum(['/', '\\']),
    treeMode: z.enum(['lazy', 'snapshot']),
    reason,
  }),
  Terminal: z.object({
    transport: z.enum(['sse-events', 'pty-ws']).nullable(),
    ptyCapable: z.boolean(),
    shell: z.string().nullable(),
    ...ticket,
    reason,
  }),
  Git: z.object({ available: z.boolean(), repos: z.array(z.string()), reason }),
  DesktopStream: z.object({
    transport: z.enum(['vnc-ws', 'rdp-ws', 'webrtc', 'relay-frames']).nullable(),
    client: z.enum(['novnc', 'web-rdp', 'frames']).nullable(),
    mode: z.enum(['read-only', 'interactive']),
    ...ticket,
    resolution: z.tuple([z.int().positive(), z.int().positive()]).nullable(),
    /** The pixels are shown as they are, so a viewer must have said that they know. */
    unredacted: z.literal(true),
    requiresAcknowledgment: z.boolean(),
    acknowledged: z.boolean(),
    /** Whether other sessions use the same box. */
    shared: z.boolean(),
    /** Ids only, never content, and only where the stream is available. */
    sharedSessionIds: z.array(Id),
    reason,
  }),
  Recording: z.object({
    available: z.boolean(),
    modes: z.array(z.enum(['manual', 'on-turn', 'on-verify'])),
    codecs: z.array(z.enum(['h264-mp4', 'vp9-webm'])),
    reason,
  }),
  ComputerUse: z.object({ available: z.boolean(), readOnly: z.boolean(), reason }),
  negotiatedAt: Timestamp,
});
export type CapabilityDocument = z.infer<typeof CapabilityDocument>;
