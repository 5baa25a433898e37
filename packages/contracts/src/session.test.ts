import { expect, test } from 'vitest';
import { CreateSessionRequest, PauseSessionRequest, Session } from './session.ts';

const id = '0197a3b2-7c44-7d21-8a10-3f5e6b7c8d90';

test('an empty body makes a session with a box of its own, started on first use', () => {
  expect(CreateSessionRequest.parse({})).toEqual({
    environment: {},
    metadata: {},
    sandbox: 'new',
    start: false,
  });
});

test('everything that can be said at create is kept', () => {
  const full = {
    backend: 'local' as const,
    image: 'ghcr.io/team/image:1@sha256',
    environment: { TOKEN: 's3cret' },
    metadata: { owner: 'ada' },
    sandbox: { groupId: id },
    start: true,
    resources: { cpu: 0.5, memoryMb: 512, diskMb: 1024, pids: 100 },
    idleTimeoutMs: 60_000,
    maxLifetimeMs: 3_600_000,
    name: 'build',
    source: { git: { url: 'https://example.com/a.git', ref: 'main', token: 't0ken' } },
  };
  expect(CreateSessionRequest.parse(full)).toEqual(full);
});

test.each([
  ['an unknown member', { colour: 'red' }],
  ['an unknown backend', { backend: 'mainframe' }],
  ['an image that reads as an option', { image: '--privileged' }],
  ['an image with a blank', { image: 'a b' }],
  ['a group that is no id', { sandbox: { groupId: 'mine' } }],
  ['another word for a new box', { sandbox: 'fresh' }],
  ['no memory at all', { resources: { memoryMb: 0 } }],
  ['half a process', { resources: { pids: 1.5 } }],
  ['infinite cores', { resources: { cpu: Number.POSITIVE_INFINITY } }],
  ['an unknown resource', { resources: { gpu: 1 } }],
  ['a timeout in seconds by mistake', { idleTimeoutMs: 30 }],
  ['a timeout that no timer can hold', { maxLifetimeMs: 2 ** 31 }],
  ['a name of blanks', { name: '   ' }],
  ['a reserved variable', { environment: { BOXYARD_TOKEN: 'x' } }],
  ['a source that is not git', { source: { hg: {} } }],
])('%s is refused', (_, body) => {
  expect(CreateSessionRequest.safeParse(body).success).toBe(false);
});

test('an answer never shows a token or the value of a variable', () => {
  const answer = Session.parse({
    id,
    workspaceId: id,
    sandboxGroupId: id,
    activeSandboxId: null,
    activeEpoch: 0,
    backend: 'local',
    machine: null,
    image: null,
    name: null,
    liveness: 'cold',
    leaseEpoch: 0,
    createdAt: '2026-01-02T03:04:05.678Z',
    metadata: {},
    environment: { A: 'canary-value' },
    environmentNames: ['A'],
    source: { git: { url: 'https://example.com/a.git', ref: null, token: 'canary-token' } },
    resources: null,
    idleTimeoutMs: null,
    maxLifetimeMs: null,
    restored: { kind: 'INCOMPLETE', missing: 'everything' },
  });
  expect(JSON.stringify(answer)).not.toContain('canary');
  expect(answer.environmentNames).toEqual(['A']);
});

test('a pause is gentle unless forced', () => {
  expect(PauseSessionRequest.parse({})).toEqual({ force: false });
  expect(PauseSessionRequest.safeParse({ force: 'yes' }).success).toBe(false);
});
