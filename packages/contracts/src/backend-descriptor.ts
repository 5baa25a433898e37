import { z } from 'zod';

/** The order is fixed and append-only: stored values and clients rely on it. */
export const BACKENDS = [
  'docker',
  'modal',
  'local',
  'none',
  'daytona',
  'runloop',
  'e2b',
  'blaxel',
  'cloudflare',
  'vercel',
  'selfhosted',
] as const;

/** Who makes a box. */
export const Backend = z.enum(BACKENDS);
export type Backend = z.infer<typeof Backend>;

/** What runs in a box. */
export const OperatingSystem = z.enum(['linux', 'macos', 'windows']);
export type OperatingSystem = z.infer<typeof OperatingSystem>;

/** What a backend can do before any box of it exists. The live one comes from the provider and wins. */
export const BackendDescriptor = z.object({
  backend: Backend,
  /** The Agents SDK's name for it; differs for `local`, which is `unix_local`. */
  backendId: z.string().min(1),
  tier: z.enum(['desktop', 'headless', 'dev', 'none']),
  os: z.object({ supported: z.array(OperatingSystem), default: OperatingSystem }),
  capabilities: z.object({
    FileSystem: z.object({ available: z.boolean(), readOnly: z.boolean() }),
    Terminal: z.object({
      available: z.boolean(),
      transport: z.enum(['sse-events', 'pty-ws']).nullable(),
      pty: z.boolean(),
    }),
    Git: z.object({ available: z.boolean() }),
    DesktopStream: z.object({
      available: z.boolean(),
      transport: z.enum(['vnc-ws', 'rdp-ws', 'webrtc']).nullable(),
    }),
    Recording: z.object({ available: z.boolean() }),
  }),
  lifetime: z.object({
    hardLifetimeMs: z.number().int().positive().nullable(),
    requiresSnapshotRollover: z.boolean(),
    hasIdleKiller: z.boolean(),
    supportsSuspendResume: z.boolean(),
    resumeIsLockFree: z.boolean(),
  }),
  snapshot: z.object({
    kind: z.enum(['native-fs', 'native-snapshot-id', 'native-dir', 'tar-only', 'none']),
    hasTarFallback: z.boolean(),
  }),
  portExposure: z.object({
    kind: z.enum(['provider-tunnel', 'preview-url', 'local-port', 'none']),
    supportsOnDemandPorts: z.boolean(),
  }),
  workspaceRoot: z.string(),
  nativeBucketMount: z.boolean(),
  persistable: z.boolean(),
  supportsRunAs: z.boolean(),
});
export type BackendDescriptor = z.infer<typeof BackendDescriptor>;
