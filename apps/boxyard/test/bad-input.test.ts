import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiClient, ApiProblem } from './raw-api.ts';
import { type SharedServer, startSharedServer } from './shared-server.ts';

let shared: SharedServer;
let session: string;

beforeAll(async () => {
  shared = await startSharedServer();
  session = (
    await shared.client.json<{ id: string }>('POST', '/v1/workspaces/default/sessions', { body: {} })
  ).id;
  await post('fs/write', { path: 'kept.txt', content: 'kept' });
  await post('terminal/exec', {
    command: 'git init -q . && git add -A && git -c user.name=t -c user.email=t@t commit -qm first',
  });
});
afterAll(() => shared.stop());

const path = (route: string) => `/v1/workspaces/default/sessions/${session}/${route}`;
const post = (route: string, body: unknown) =>
  shared.client.json<Record<string, unknown>>('POST', path(route), { body });

async function problemOf(call: Promise<unknown>): Promise<ApiProblem> {
  try {
    await call;
  } catch (error) {
    if (error instanceof ApiProblem) return error;
    throw error;
  }
  throw new Error('The call was not refused.');
}

const BAD_PATHS = ['/etc/passwd', '../outside', 'a/../../b', 'nul\u0000byte'];
const PATH_ROUTES: readonly [string, (path: string) => object][] = [
  ['fs/list', (at) => ({ path: at })],
  ['fs/read', (at) => ({ path: at })],
  ['fs/stat', (at) => ({ path: at })],
  ['fs/write', (at) => ({ path: at, content: 'x' })],
  ['fs/delete', (at) => ({ path: at })],
  ['fs/mkdir', (at) => ({ path: at })],
  ['fs/move', (at) => ({ path: 'kept.txt', newPath: at })],
  ['fs/move', (at) => ({ path: at, newPath: 'moved.txt' })],
  ['fs/watch', (at) => ({ path: at })],
  ['git/status', (at) => ({ path: at })],
  ['git/diff', (at) => ({ path: at })],
  ['git/log', (at) => ({ path: at })],
  ['git/show', (at) => ({ path: at, ref: 'HEAD' })],
  ['git/diff', (at) => ({ pathspec: [at] })],
  ['git/log', (at) => ({ pathspec: [at] })],
  ['git/show', (at) => ({ filePath: at })],
  ['terminal/exec', (at) => ({ command: 'true', cwd: at })],
  ['terminal/pty', (at) => ({ cwd: at })],
];

describe('bad input is refused with a typed answer and changes nothing', () => {
  test.each(PATH_ROUTES)('%s refuses paths that leave the workspace', async (route, body) => {
    for (const bad of BAD_PATHS) {
      const problem = await problemOf(post(route, body(bad)));
      expect([problem.status, problem.code], `${route} ${JSON.stringify(bad)}`).toEqual([400, 'invalid']);
    }
    expect((await post('fs/read', { path: 'kept.txt' })).content).toBe('kept');
  });

  test('a watch of what is not there is refused before its stream begins', async () => {
    const problem = await problemOf(post('fs/watch', { path: 'missing' }));
    expect([problem.status, problem.code]).toEqual([404, 'not-found']);
  });

  test.each(['fs/content', 'fs/archive'])('%s refuses paths that leave the workspace', async (route) => {
    for (const bad of BAD_PATHS) {
      const at = `${path(route)}?path=${encodeURIComponent(bad)}`;
      for (const call of [
        shared.client.send('GET', at),
        shared.client.send('PUT', at, { body: 'x' }),
        shared.client.send('PUT', at, { body: 'x', headers: { 'if-match': '*' } }),
      ]) {
        const problem = await problemOf(call);
        expect([problem.status, problem.code], `${route} ${JSON.stringify(bad)}`).toEqual([400, 'invalid']);
      }
    }
  });

  test.each(['--output=stolen', '-x', 'HEAD --output=stolen', 'a\u0001b', ''])(
    'the ref %j is refused',
    async (ref) => {
      for (const [route, body] of [
        ['git/log', { ref }],
        ['git/show', { ref }],
        ['git/diff', { fromRef: ref }],
      ] as const) {
        expect((await problemOf(post(route, body))).status, route).toBe(400);
      }
      const listed = (await post('fs/list', {})) as { root: { children: { name: string }[] } };
      expect(listed.root.children.map(({ name }) => name).sort()).toEqual(['.git', 'kept.txt']);
    },
  );

  test('bodies of the wrong shape, of no JSON and of 10 MB', async () => {
    const sessions = '/v1/workspaces/default/sessions';
    for (const body of [
      { unknown: 1 },
      { metadata: { a: 1 } },
      { backend: 'cray' },
      { environment: { BOXYARD_X: '1' } },
      [],
    ]) {
      expect((await problemOf(shared.client.json('POST', sessions, { body }))).status).toBe(400);
    }
    const raw = (body: string) =>
      fetch(new URL(sessions, shared.client.url), {
        method: 'POST',
        headers: { authorization: `Bearer ${shared.token}`, 'content-type': 'application/json' },
        body,
      });
    const broken = await raw('{"name": ');
    expect([broken.status, broken.headers.get('content-type')]).toEqual([400, 'application/problem+json']);
    const long = await raw(JSON.stringify({ name: 'x'.repeat(10_000_000) }));
    expect([long.status, ((await long.json()) as { code: string }).code]).toEqual([413, 'too-large']);
  });

  test('a port is told where it is, and what is no port is refused', async () => {
    expect(await shared.client.json('GET', path('ports/8080'))).toMatchObject({ port: 8080, tls: false });
    for (const port of ['0', '65536', '0x50', '1e3', '-1', 'http']) {
      const problem = await problemOf(shared.client.json('GET', path(`ports/${port}`)));
      expect([problem.status, problem.code], port).toEqual([400, 'invalid']);
    }
  });

  test('ids that name nothing are 404, whatever they look like', async () => {
    for (const id of [randomUUID(), 'no-uuid', '..%2f..']) {
      expect(
        (await problemOf(shared.client.json('GET', `/v1/workspaces/default/sessions/${id}`))).status,
      ).toBe(404);
      expect((await problemOf(shared.client.json('GET', `${path('ops')}/${id}`))).status).toBe(404);
      const stream = `${path('terminal/pty')}/${id}/stream`;
      expect((await problemOf(shared.client.send('GET', stream))).status).toBe(404);
    }
    expect((await problemOf(shared.client.json('GET', '/v1/workspaces/nowhere/sessions'))).status).toBe(404);
    expect((await problemOf(shared.client.json('GET', '/v1/nothing'))).status).toBe(404);
  });

  test('a key of another workspace sees nothing of this one', async () => {
    await shared.client.json('POST', '/v1/workspaces', { body: { slug: 'other' } });
    const { token } = await shared.client.json<{ token: string }>('POST', '/v1/workspaces/other/keys', {
      body: { name: 'stranger', permissions: ['sessions:read', 'files:read', 'sessions:control'] },
    });
    const stranger = new ApiClient({ url: shared.client.url, token });
    expect((await problemOf(stranger.json('GET', path('')))).status).toBe(404);
    expect(
      (await problemOf(stranger.json('POST', path('fs/read'), { body: { path: 'kept.txt' } }))).status,
    ).toBe(404);
    await stranger.json('POST', '/v1/workspaces/other/sessions', { body: {} });
    // The id is right, the workspace is not.
    await stranger.json('DELETE', `/v1/workspaces/other/sessions/${session}`);
    expect((await post('fs/read', { path: 'kept.txt' })).content).toBe('kept');
  });

  test('missing, unknown, weak, expired and revoked keys', async () => {
    const status = async (token: string | null, route = '/v1/workspaces/default/sessions', method = 'GET') =>
      (
        await fetch(new URL(route, shared.client.url), {
          method,
          ...(token === null ? {} : { headers: { authorization: `Bearer ${token}` } }),
        })
      ).status;
    expect(await status(null)).toBe(401);
    expect(await status('byk_wrong')).toBe(401);
    const { token, id } = await shared.client.json<{ token: string; id: string }>(
      'POST',
      '/v1/workspaces/default/keys',
      { body: { name: 'reader', permissions: ['sessions:read'] } },
    );
    expect(await status(token)).toBe(200);
    expect(await status(token, '/v1/workspaces/default/sessions', 'POST')).toBe(403);
    // Before its body is looked at.
    const reader = new ApiClient({ url: shared.client.url, token });
    expect((await problemOf(reader.json('POST', path('fs/write'), { body: { wrong: 1 } }))).status).toBe(403);
    await shared.client.json('DELETE', `/v1/workspaces/default/keys/${id}`);
    expect(await status(token)).toBe(401);
    const past = { name: 'late', permissions: ['sessions:read'], expiresAt: '2020-01-01T00:00:00Z' };
    expect(
      (await problemOf(shared.client.json('POST', '/v1/workspaces/default/keys', { body: past }))).status,
    ).toBe(400);
  });

  test('nobody grants more than they hold', async () => {
    const { token } = await shared.client.json<{ token: string }>('POST', '/v1/workspaces/default/keys', {
      body: { name: 'manager', permissions: ['keys:manage'] },
    });
    const manager = new ApiClient({ url: shared.client.url, token });
    const beyond = { name: 'more', permissions: ['terminal:attach'] };
    expect(
      (await problemOf(manager.json('POST', '/v1/workspaces/default/keys', { body: beyond }))).status,
    ).toBe(403);
  });
});
