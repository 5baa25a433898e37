import { BACKENDS, BackendDescriptor } from '@boxyard/contracts';
import { expect, test } from 'vitest';
import { BACKEND_TABLE } from './backend-table.ts';
import { descriptorFaults } from './descriptor-invariants.ts';

// The promised table, written as people read it. Docker's desktop depends on its image, so the plain one has none.
const PROMISED = `
field               | modal           | daytona            | runloop            | e2b                | blaxel          | cloudflare      | vercel          | docker     | local      | none       | selfhosted
backendId           | modal           | daytona            | runloop            | e2b                | blaxel          | cloudflare      | vercel          | docker     | unix_local | none       | selfhosted
tier                | desktop         | desktop            | desktop            | desktop            | desktop         | headless        | headless        | dev        | dev        | none       | desktop
os                  | linux           | linux              | linux              | linux              | linux           | linux           | linux           | linux      | linux      | linux      | linux,macos,windows
files               | y/n             | y/n                | y/n                | y/n                | y/n             | y/n             | y/n             | y/n        | y/n        | n/y        | y/n
terminal            | y/sse-events/y  | y/sse-events/y     | y/sse-events/n     | y/sse-events/n     | y/sse-events/n  | y/sse-events/y  | y/sse-events/n  | y/sse-events/y | y/sse-events/y | n/null/n | y/pty-ws/y
git                 | y               | y                  | y                  | y                  | y               | y               | y               | y          | y          | n          | y
desktop             | vnc-ws          | vnc-ws             | vnc-ws             | vnc-ws             | vnc-ws          | -               | -               | -          | -          | -          | vnc-ws
recording           | y               | y                  | y                  | y                  | y               | n               | n               | n          | n          | n          | y
hardLifetimeMs      | 86400000        | -                  | -                  | -                  | -               | -               | 18000000        | -          | -          | -          | -
rollover            | y               | n                  | n                  | n                  | n               | n               | y               | n          | n          | n          | n
idleKiller          | y               | y                  | y                  | y                  | y               | y               | y               | n          | n          | n          | n
suspendResume       | y               | y                  | y                  | y                  | n               | n               | y               | n          | n          | n          | n
lockFree            | y               | n                  | n                  | n                  | n               | n               | n               | y          | y          | y          | y
snapshot            | native-fs       | native-snapshot-id | native-snapshot-id | native-snapshot-id | tar-only        | tar-only        | tar-only        | native-dir | native-dir | none       | none
tarFallback         | y               | y                  | y                  | y                  | y               | y               | y               | y          | y          | n          | n
portExposure        | provider-tunnel | preview-url        | provider-tunnel    | preview-url        | provider-tunnel | provider-tunnel | preview-url     | local-port | local-port | none       | provider-tunnel
onDemandPorts       | n               | n                  | n                  | n                  | y               | n               | n               | n          | n          | n          | y
workspaceRoot       | /workspace      | /workspace         | /workspace         | /home/user         | /workspace      | /workspace      | /vercel/sandbox | /workspace | /workspace | /workspace | /
bucketMount         | y               | n                  | n                  | n                  | n               | n               | n               | n          | n          | n          | n
persistable         | y               | y                  | y                  | y                  | y               | y               | y               | y          | n          | n          | n
runAs               | y               | y                  | n                  | n                  | n               | y               | n               | y          | n          | n          | n
`;

const yes = (value: boolean): string => (value ? 'y' : 'n');
const orDash = (value: string | number | null): string => (value === null ? '-' : String(value));

const READ: Record<string, (descriptor: BackendDescriptor) => string> = {
  backendId: (d) => d.backendId,
  tier: (d) => d.tier,
  os: (d) => d.os.supported.join(','),
  files: (d) => `${yes(d.capabilities.FileSystem.available)}/${yes(d.capabilities.FileSystem.readOnly)}`,
  terminal: ({ capabilities: { Terminal } }) =>
    `${yes(Terminal.available)}/${Terminal.transport}/${yes(Terminal.pty)}`,
  git: (d) => yes(d.capabilities.Git.available),
  desktop: (d) => orDash(d.capabilities.DesktopStream.transport),
  recording: (d) => yes(d.capabilities.Recording.available),
  hardLifetimeMs: (d) => orDash(d.lifetime.hardLifetimeMs),
  rollover: (d) => yes(d.lifetime.requiresSnapshotRollover),
  idleKiller: (d) => yes(d.lifetime.hasIdleKiller),
  suspendResume: (d) => yes(d.lifetime.supportsSuspendResume),
  lockFree: (d) => yes(d.lifetime.resumeIsLockFree),
  snapshot: (d) => d.snapshot.kind,
  tarFallback: (d) => yes(d.snapshot.hasTarFallback),
  portExposure: (d) => d.portExposure.kind,
  onDemandPorts: (d) => yes(d.portExposure.supportsOnDemandPorts),
  workspaceRoot: (d) => d.workspaceRoot,
  bucketMount: (d) => yes(d.nativeBucketMount),
  persistable: (d) => yes(d.persistable),
  runAs: (d) => yes(d.supportsRunAs),
};

const [header, ...rows] = PROMISED.trim()
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()));
const columns = header!.slice(1);
const cells = rows.flatMap(([field, ...values]) =>
  columns.map((backend, index) => ({ backend, field: field!, promised: values[index]! })),
);

test('the promise speaks about every backend and every field', () => {
  expect([...columns].sort()).toEqual([...BACKENDS].sort());
  expect(rows.map(([field]) => field)).toEqual(Object.keys(READ));
  expect(cells).toHaveLength(11 * 21);
});

test.each(cells)('$backend: $field is $promised', ({ backend, field, promised }) => {
  expect(READ[field]!(BACKEND_TABLE[backend as keyof typeof BACKEND_TABLE])).toBe(promised);
});

test.each(BACKENDS)('%s is a well-formed descriptor that keeps the invariants', (backend) => {
  const descriptor = BACKEND_TABLE[backend];
  expect(BackendDescriptor.parse(descriptor)).toEqual(descriptor);
  expect(descriptorFaults(backend, descriptor)).toEqual([]);
  expect(descriptor.os.default).toBe('linux');
  expect(descriptor.capabilities.DesktopStream.available).toBe(
    descriptor.capabilities.DesktopStream.transport !== null,
  );
});

test('the order of the backends never changes, because stored values rely on it', () => {
  expect(BACKENDS.slice(0, 11)).toEqual([
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
  ]);
});
