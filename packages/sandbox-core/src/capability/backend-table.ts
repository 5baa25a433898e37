// What each backend can do as far as its maker promises. A provider's own descriptor is what was proven and wins.
import type { Backend, BackendDescriptor } from '@boxyard/contracts';

type Terminal = BackendDescriptor['capabilities']['Terminal'];
type Lifetime = BackendDescriptor['lifetime'];

const LINUX: BackendDescriptor['os'] = { supported: ['linux'], default: 'linux' };
const FILES = { available: true, readOnly: false };
const GIT = { available: true };

const SSE_WITH_PTY: Terminal = { available: true, transport: 'sse-events', pty: true };
const SSE_WITHOUT_PTY: Terminal = { available: true, transport: 'sse-events', pty: false };
const SOCKET_WITH_PTY: Terminal = { available: true, transport: 'pty-ws', pty: true };

const DESKTOP = {
  DesktopStream: { available: true, transport: 'vnc-ws' },
  Recording: { available: true },
} as const;
const NO_DESKTOP = {
  DesktopStream: { available: false, transport: null },
  Recording: { available: false },
} as const;

/** A machine that runs until somebody ends it. */
const ENDLESS: Lifetime = {
  hardLifetimeMs: null,
  requiresSnapshotRollover: false,
  hasIdleKiller: false,
  supportsSuspendResume: false,
  resumeIsLockFree: true,
};
/** A cloud that stops what is idle. */
const STOPS_WHEN_IDLE: Lifetime = {
  hardLifetimeMs: null,
  requiresSnapshotRollover: false,
  hasIdleKiller: true,
  supportsSuspendResume: false,
  resumeIsLockFree: false,
};

/** Every backend that can be named, whether or not its provider is there. */
export const BACKEND_TABLE: Readonly<Record<Backend, BackendDescriptor>> = {
  docker: {
    backend: 'docker',
    backendId: 'docker',
    tier: 'dev',
    os: LINUX,
    capabilities: { FileSystem: FILES, Terminal: SSE_WITH_PTY, Git: GIT, ...NO_DESKTOP },
    lifetime: ENDLESS,
    snapshot: { kind: 'native-dir', hasTarFallback: true },
    portExposure: { kind: 'local-port', supportsOnDemandPorts: false },
    workspaceRoot: '/workspace',
    nativeBucketMount: false,
    persistable: true,
    supportsRunAs: true,
  },
  modal: {
    backend: 'modal',
    backendId: 'modal',
    tier: 'desktop',
    os: LINUX,
    capabilities: { FileSystem: FILES, Terminal: SSE_WITH_PTY, Git: GIT, ...DESKTOP },
    lifetime: {
      hardLifetimeMs: 86_400_000,
      requiresSnapshotRollover: true,
      hasIdleKiller: true,
      supportsSuspendResume: true,
      resumeIsLockFree: true,
    },
    snapshot: { kind: 'native-fs', hasTarFallback: true },
    portExposure: { kind: 'provider-tunnel', supportsOnDemandPorts: false },
    workspaceRoot: '/workspace',
    nativeBucketMount: true,
    persistable: true,
    supportsRunAs: true,
  },
  local: {
    backend: 'local',
    backendId: 'unix_local',
    tier: 'dev',
    os: LINUX,
    capabilities: { FileSystem: FILES, Terminal: SSE_WITH_PTY, Git: GIT, ...NO_DESKTOP },
    lifetime: ENDLESS,
    snapshot: { kind: 'native-dir', hasTarFallback: true },
    portExposure: { kind: 'local-port', supportsOnDemandPorts: false },
    workspaceRoot: '/workspace',
    nativeBucketMount: false,
    persistable: false,
    supportsRunAs: false,
  },
  none: {
    backend: 'none',
    backendId: 'none',
    tier: 'none',
    os: LINUX,
    capabilities: {
      FileSystem: { available: false, readOnly: true },
      Terminal: { available: false, transport: null, pty: false },
      Git: { available: false },
      ...NO_DESKTOP,
    },
    lifetime: ENDLESS,
    snapshot: { kind: 'none', hasTarFallback: false },
    portExposure: { kind: 'none', supportsOnDemandPorts: false },
    workspaceRoot: '/workspace',
    nativeBucketMount: false,
    persistable: false,
    supportsRunAs: false,
  },
  daytona: {
    backend: 'daytona',
    backendId: 'daytona',
    tier: 'desktop',
    os: LINUX,
    capabilities: { FileSystem: FILES, Terminal: SSE_WITH_PTY, Git: GIT, ...DESKTOP },
    lifetime: { ...STOPS_WHEN_IDLE, supportsSuspendResume: true },
    snapshot: { kind: 'native-snapshot-id', hasTarFallback: true },
    portExposure: { kind: 'preview-url', supportsOnDemandPorts: false },
    workspaceRoot: '/workspace',
    nativeBucketMount: false,
    persistable: true,
    supportsRunAs: true,
  },
  runloop: {
    backend: 'runloop',
    backendId: 'runloop',
    tier: 'desktop',
    os: LINUX,
    capabilities: { FileSystem: FILES, Terminal: SSE_WITHOUT_PTY, Git: GIT, ...DESKTOP },
    lifetime: { ...STOPS_WHEN_IDLE, supportsSuspendResume: true },
    snapshot: { kind: 'native-snapshot-id', hasTarFallback: true },
    portExposure: { kind: 'provider-tunnel', supportsOnDemandPorts: false },
    workspaceRoot: '/workspace',
    nativeBucketMount: false,
    persistable: true,
    supportsRunAs: false,
  },
  e2b: {
    backend: 'e2b',
    backendId: 'e2b',
    tier: 'desktop',
    os: LINUX,
    capabilities: { FileSystem: FILES, Terminal: SSE_WITHOUT_PTY, Git: GIT, ...DESKTOP },
    lifetime: { ...STOPS_WHEN_IDLE, supportsSuspendResume: true },
    snapshot: { kind: 'native-snapshot-id', hasTarFallback: true },
    portExposure: { kind: 'preview-url', supportsOnDemandPorts: false },
    workspaceRoot: '/home/user',
    nativeBucketMount: false,
    persistable: true,
    supportsRunAs: false,
  },
  blaxel: {
    backend: 'blaxel',
    backendId: 'blaxel',
    tier: 'desktop',
    os: LINUX,
    capabilities: { FileSystem: FILES, Terminal: SSE_WITHOUT_PTY, Git: GIT, ...DESKTOP },
    lifetime: STOPS_WHEN_IDLE,
    snapshot: { kind: 'tar-only', hasTarFallback: true },
    portExposure: { kind: 'provider-tunnel', supportsOnDemandPorts: true },
    workspaceRoot: '/workspace',
    nativeBucketMount: false,
    persistable: true,
    supportsRunAs: false,
  },
  cloudflare: {
    backend: 'cloudflare',
    backendId: 'cloudflare',
    tier: 'headless',
    os: LINUX,
    capabilities: { FileSystem: FILES, Terminal: SSE_WITH_PTY, Git: GIT, ...NO_DESKTOP },
    lifetime: STOPS_WHEN_IDLE,
    snapshot: { kind: 'tar-only', hasTarFallback: true },
    portExposure: { kind: 'provider-tunnel', supportsOnDemandPorts: false },
    workspaceRoot: '/workspace',
    nativeBucketMount: false,
    persistable: true,
    supportsRunAs: true,
  },
  vercel: {
    backend: 'vercel',
    backendId: 'vercel',
    tier: 'headless',
    os: LINUX,
    capabilities: { FileSystem: FILES, Terminal: SSE_WITHOUT_PTY, Git: GIT, ...NO_DESKTOP },
    lifetime: {
      ...STOPS_WHEN_IDLE,
      hardLifetimeMs: 18_000_000,
      requiresSnapshotRollover: true,
      supportsSuspendResume: true,
    },
    snapshot: { kind: 'tar-only', hasTarFallback: true },
    portExposure: { kind: 'preview-url', supportsOnDemandPorts: false },
    workspaceRoot: '/vercel/sandbox',
    nativeBucketMount: false,
    persistable: true,
    supportsRunAs: false,
  },
  selfhosted: {
    backend: 'selfhosted',
    backendId: 'selfhosted',
    tier: 'desktop',
    os: { supported: ['linux', 'macos', 'windows'], default: 'linux' },
    capabilities: { FileSystem: FILES, Terminal: SOCKET_WITH_PTY, Git: GIT, ...DESKTOP },
    lifetime: ENDLESS,
    snapshot: { kind: 'none', hasTarFallback: false },
    portExposure: { kind: 'provider-tunnel', supportsOnDemandPorts: true },
    workspaceRoot: '/',
    nativeBucketMount: false,
    persistable: false,
    supportsRunAs: false,
  },
};
