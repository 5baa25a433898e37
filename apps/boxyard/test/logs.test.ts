import { afterAll, beforeAll, expect, test } from 'vitest';
import { type SharedServer, startSharedServer } from './shared-server.ts';

const sessions = '/v1/workspaces/default/sessions';

interface Line extends Readonly<Record<string, unknown>> {
  readonly msg: string;
  readonly level: number;
}

let shared: SharedServer;
const lines: Line[] = [];
beforeAll(async () => {
  shared = await startSharedServer({}, (line) => lines.push(JSON.parse(line) as Line));
});
afterAll(() => shared.stop());

const answer = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(new URL(path, shared.client.url), {
    method,
    headers: { authorization: `Bearer ${shared.token}`, ...headers },
  });

test('a request id is taken when it is well formed, else made, and comes back with every answer', async () => {
  const given = await answer('/healthz', { 'x-request-id': 'given-by-the-caller.1' });
  expect(given.headers.get('x-request-id')).toBe('given-by-the-caller.1');
  for (const bad of ['short', 'has blanks in it', 'x'.repeat(129), 'quote"quote']) {
    const made = (await answer('/healthz', { 'x-request-id': bad })).headers.get('x-request-id');
    expect(made, bad).toMatch(/^[0-9a-f-]{36}$/);
  }
  const problem = await answer(`${sessions}/nobody`, { 'x-request-id': 'of-the-problem' });
  expect(problem.headers.get('x-request-id')).toBe('of-the-problem');
  expect(await problem.json()).toMatchObject({ requestId: 'of-the-problem', status: 404 });
});

test('every line of a request says which one, in which workspace and session, and its route without ids', async () => {
  const { id, workspaceId } = await shared.client.json<{ id: string; workspaceId: string }>(
    'POST',
    sessions,
    {
      body: {},
    },
  );
  await shared.client.json('POST', `${sessions}/${id}/terminal/exec`, {
    body: { command: 'true' },
    headers: { 'x-request-id': 'request-of-the-line' },
  });
  const own = lines.filter(
    (line) => line.requestId === 'request-of-the-line' || line.startedBy === 'request-of-the-line',
  );
  const [told] = own.filter(({ msg }) => msg === 'request');
  expect(told).toMatchObject({
    requestId: 'request-of-the-line',
    route: 'POST /v1/workspaces/:ws/sessions/:sid/terminal/exec',
    status: 200,
    workspaceId,
    sessionId: id,
    durationMs: expect.any(Number),
  });
  // Making the box was told on behalf of the request that needed it.
  expect(own.filter(({ msg }) => msg === 'lease').length).toBeGreaterThan(0);
  for (const line of own) expect(line).toMatchObject({ workspaceId, sessionId: id });
});

test('a line that belongs to no request names none', () => {
  const [ready] = lines.filter(({ msg }) => msg === 'ready');
  expect(ready).toBeDefined();
  expect(ready).not.toHaveProperty('requestId');
});
