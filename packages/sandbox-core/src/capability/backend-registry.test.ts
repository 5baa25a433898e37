import { BACKENDS, type Backend, type BackendDescriptor } from '@boxyard/contracts';
import { expect, test } from 'vitest';
import { unavailable } from '../box-capabilities.ts';
import { defineProvider, type Provider } from '../provider.ts';
import { SandboxError } from '../sandbox-error.ts';
import { createBackendRegistry, desktopCapableBackend } from './backend-registry.ts';
import { BACKEND_TABLE } from './backend-table.ts';
import { descriptorFaults } from './descriptor-invariants.ts';

// A registry calls none of this: a call would reject and fail the test that made it.
const never = () => Promise.reject(new Error('a registry must not touch a provider'));

const providerOf = (descriptor: BackendDescriptor, name: string = descriptor.backend): Provider =>
  defineProvider({
    name,
    descriptor,
    accept: () => undefined,
    workspaceRoot: () => '/workspace',
    create: never,
    resume: never,
    destroy: never,
    parking: unavailable('not here'),
    listing: unavailable('not here'),
    isGone: () => false,
  });

const local = BACKEND_TABLE.local;
const faultOf = (providers: Partial<Record<Backend, Provider>>): string => {
  try {
    createBackendRegistry(providers);
  } catch (error) {
    if (SandboxError.hasCode(error, 'configuration')) return error.message;
    throw error;
  }
  return 'none';
};

test('a registry answers its providers by backend and by the name in a stored box', () => {
  const provider = providerOf(local, 'local-folders');
  const registry = createBackendRegistry({ local: provider });
  expect(registry.backends).toEqual(['local']);
  expect(registry.has('local')).toBe(true);
  expect(registry.provider('local')).toBe(provider);
  expect(registry.providerNamed('local-folders')).toBe(provider);
});

test('a backend without a provider is unsupported and the message says what there is', () => {
  const registry = createBackendRegistry({ local: providerOf(local) });
  expect(registry.has('docker')).toBe(false);
  expect(() => registry.provider('docker')).toThrow(
    expect.objectContaining({ code: 'unsupported', message: expect.stringContaining('local') }),
  );
  expect(() => registry.providerNamed('docker')).toThrow(expect.objectContaining({ code: 'configuration' }));
});

test('what a provider proves wins over what the table promises', () => {
  const proven = { ...local, persistable: true };
  const registry = createBackendRegistry({ local: providerOf(proven) });
  expect(registry.descriptor('local')).toBe(proven);
  expect(registry.descriptor('modal')).toBe(BACKEND_TABLE.modal);
});

test('every backend but none can be registered with the descriptor of the table', () => {
  const all = Object.fromEntries(
    BACKENDS.filter((backend) => backend !== 'none').map((backend) => [
      backend,
      providerOf(BACKEND_TABLE[backend]),
    ]),
  );
  expect(createBackendRegistry(all).backends).toHaveLength(BACKENDS.length - 1);
});

const desktop = BACKEND_TABLE.modal;
const broken: [string, Partial<Record<Backend, Provider>>, RegExp][] = [
  [
    'registered under another backend',
    { docker: providerOf(local) },
    /is local but it is registered as docker/,
  ],
  [
    'a desktop without ports',
    { modal: providerOf({ ...desktop, portExposure: { kind: 'none', supportsOnDemandPorts: false } }) },
    /way to expose ports/,
  ],
  [
    'a desktop without a transport',
    {
      modal: providerOf({
        ...desktop,
        capabilities: { ...desktop.capabilities, DesktopStream: { available: true, transport: null } },
      }),
    },
    /DesktopStream has a transport exactly/,
  ],
  [
    'a desktop that cannot be recorded',
    {
      modal: providerOf({
        ...desktop,
        capabilities: { ...desktop.capabilities, Recording: { available: false } },
      }),
    },
    /Recording must be available exactly/,
  ],
  [
    'a recording without a desktop',
    {
      local: providerOf({
        ...local,
        capabilities: { ...local.capabilities, Recording: { available: true } },
      }),
    },
    /Recording must be available exactly/,
  ],
  [
    'persistable without a snapshot',
    {
      local: providerOf({ ...local, persistable: true, snapshot: { kind: 'none', hasTarFallback: false } }),
    },
    /persistable needs a snapshot/,
  ],
  [
    'a bucket in the dev tier',
    { local: providerOf({ ...local, nativeBucketMount: true }) },
    /only for cloud/,
  ],
  [
    'a terminal without a transport',
    {
      local: providerOf({
        ...local,
        capabilities: {
          ...local.capabilities,
          Terminal: { available: true, transport: null, pty: false },
        },
      }),
    },
    /Terminal has a transport exactly/,
  ],
  [
    'a default system that is not supported',
    { local: providerOf({ ...local, os: { supported: ['linux'], default: 'macos' } }) },
    /os\.default/,
  ],
  [
    'another id than the SDK knows',
    { local: providerOf({ ...local, backendId: 'local' }) },
    /must be unix_local/,
  ],
  ['a provider for none', { none: providerOf(BACKEND_TABLE.none) }, /makes no boxes/],
  [
    'two of one name',
    { local: providerOf(local, 'box'), docker: providerOf(BACKEND_TABLE.docker, 'box') },
    /one name/,
  ],
  [
    'a lifetime below nothing',
    { local: providerOf({ ...local, lifetime: { ...local.lifetime, hardLifetimeMs: -1 } }) },
    /hardLifetimeMs/,
  ],
];

test.each(broken)('%s is refused when the registry is built', (_, providers, message) => {
  expect(faultOf(providers)).toMatch(message);
});

test('all faults are told at once', () => {
  const message = faultOf({
    local: providerOf({
      ...local,
      nativeBucketMount: true,
      persistable: true,
      snapshot: BACKEND_TABLE.none.snapshot,
    }),
    docker: providerOf({ ...BACKEND_TABLE.docker, backendId: 'moby' }),
  });
  for (const part of ['only for cloud', 'persistable needs', 'must be docker'])
    expect(message).toContain(part);
});

test('a sound descriptor has no faults', () => {
  expect(descriptorFaults('local', local)).toEqual([]);
});

test.each([
  ['modal', true],
  ['selfhosted', true],
  ['docker', false],
  ['local', false],
  ['unix_local', false],
  ['cloudflare', false],
  ['none', false],
  ['mainframe', false],
  ['', false],
])('%s can show a desktop: %s', (backend, capable) => {
  expect(desktopCapableBackend(backend)).toBe(capable);
});

test('a docker box from a desktop image counts as capable by its live descriptor, under either name', () => {
  const live = { ...desktop, backend: 'docker' as const, backendId: 'docker_engine' };
  expect(desktopCapableBackend('docker', [live])).toBe(true);
  expect(desktopCapableBackend('docker_engine', [live])).toBe(true);
});
