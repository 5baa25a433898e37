import type { AuditEntry } from '@boxyard/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ApiClient } from './raw-api.ts';
import { type SharedServer, startSharedServer } from './shared-server.ts';

const SECRET = 'canary-of-audit-83c1';
const sessions = '/v1/workspaces/default/sessions';

let shared: SharedServer;
beforeAll(async () => {
  shared = await startSharedServer();
});
afterAll(() => shared.stop());

async function audit(query: Readonly<Record<string, string>> = {}): Promise<readonly AuditEntry[]> {
  const path = `/v1/workspaces/default/audit?${new URLSearchParams({ limit: '200', ...query })}`;
  return (await shared.client.json<{ items: AuditEntry[] }>('GET', path)).items;
}

async function newSession(body: object = {}): Promise<string> {
  return (await shared.client.json<{ id: string }>('POST', sessions, { body })).id;
}

/** Another key of the same server, with its client. */
async function newKey(permissions: readonly string[], workspace = 'default') {
  const made = await shared.client.json<{ id: string; token: string }>(
    'POST',
    `/v1/workspaces/${workspace}/keys`,
    { body: { name: 'another', permissions } },
  );
  return { id: made.id, client: new ApiClient({ url: shared.client.url, token: made.token }) };
}

test('the life of a session is told: who made it, ran what, attached, and deleted it', async () => {
  const id = await newSession({ environment: { API_TOKEN: SECRET } });
  const session = `${sessions}/${id}`;
  const ran = await shared.client.json<{ opId: string }>('POST', `${session}/terminal/exec`, {
    body: { command: `echo ${SECRET}; cat`, stdin: SECRET, env: { OTHER: SECRET } },
    headers: { 'x-request-id': 'request-of-the-run' },
  });
  const pty = await shared.client.json<{ ptyId: string }>('POST', `${session}/terminal/pty`, { body: {} });
  const ending = new AbortController();
  const stream = await shared.client.send('GET', `${session}/terminal/pty/${pty.ptyId}/stream`, {
    signal: ending.signal,
  });
  for (const data of ['a', 'b', 'c'])
    await shared.client.json('POST', `${session}/terminal/pty/write`, { body: { ptyId: pty.ptyId, data } });
  ending.abort();
  await stream.body?.cancel().catch(() => undefined);
  await shared.client.json('POST', `${session}/terminal/pty/close`, { body: { ptyId: pty.ptyId } });
  await shared.client.json('DELETE', session);

  const told = (await audit({ session: id })).toReversed();
  expect(told.map(({ action, target, outcome }) => [action, target, outcome])).toEqual([
    ['session.create', id, 'done'],
    ['command.run', ran.opId, 'started'],
    ['terminal.open', pty.ptyId, 'done'],
    ['terminal.attach', pty.ptyId, 'done'],
    // Three keys pressed, one act.
    ['terminal.input', pty.ptyId, 'done'],
    ['terminal.close', pty.ptyId, 'done'],
    ['session.delete', id, 'done'],
  ]);
  expect(told[1]).toMatchObject({ requestId: 'request-of-the-run', actor: { kind: 'key' } });
  expect(told[1]!.detail.command).toMatch(/^echo .+; cat$/);
  expect(JSON.stringify(told)).not.toContain(SECRET);
});

test('a command that is repeated with its id is one run, and then attached to', async () => {
  const id = await newSession();
  const body = { command: 'true', opId: '0193a000-0000-4000-8000-000000000001' };
  for (let i = 0; i < 2; i++) await shared.client.json('POST', `${sessions}/${id}/terminal/exec`, { body });
  const told = (await audit({ session: id })).map(({ action, target }) => [action, target]);
  expect(told.slice(0, 2)).toEqual([
    ['command.attach', body.opId],
    ['command.run', body.opId],
  ]);
});

test('keys and workspaces are told with their ids, and a refused attempt with its route', async () => {
  const reader = await newKey(['sessions:read']);
  await expect(reader.client.json('POST', sessions, { body: {} })).rejects.toMatchObject({ status: 403 });
  await expect(reader.client.json('GET', '/v1/workspaces/default/audit')).rejects.toMatchObject({
    code: 'denied',
  });
  await shared.client.json('DELETE', `/v1/workspaces/default/keys/${reader.id}`);

  expect(await audit({ actor: reader.id })).toMatchObject([
    { action: 'access', outcome: 'denied', detail: { route: 'GET /v1/workspaces/:ws/audit' } },
    { action: 'session.create', outcome: 'denied', detail: { route: 'POST /v1/workspaces/:ws/sessions' } },
  ]);
  expect(await audit({ action: 'key.create' })).toMatchObject([{ target: reader.id }]);
  expect(await audit({ action: 'key.revoke' })).toMatchObject([{ target: reader.id, outcome: 'done' }]);
});

test("a key that tries another workspace's door is told in its own", async () => {
  const made = await shared.client.json<{ id: string }>('POST', '/v1/workspaces', {
    body: { slug: 'elsewhere' },
  });
  expect(await audit({ action: 'workspace.create' })).toMatchObject([{ target: made.id }]);
  const stranger = await newKey(['sessions:read', 'audit:read'], 'elsewhere');
  await expect(stranger.client.json('GET', sessions)).rejects.toMatchObject({ status: 404 });
  const page = await stranger.client.json<{ items: AuditEntry[] }>('GET', '/v1/workspaces/elsewhere/audit');
  expect(page.items[0]).toMatchObject({ action: 'access', outcome: 'denied', actor: { id: stranger.id } });
});

test('who shows no valid key leaves nothing, and what certainly did not happen leaves nothing', async () => {
  const before = (await audit()).length;
  const unknown = new ApiClient({ url: shared.client.url, token: 'byk_nobody' });
  await expect(unknown.json('POST', sessions, { body: {} })).rejects.toMatchObject({ status: 401 });
  await expect(shared.client.json('POST', sessions, { body: { backend: 'nowhere' } })).rejects.toMatchObject({
    status: 400,
  });
  expect(await audit()).toHaveLength(before);
});

test('a long audit comes in pages that end', async () => {
  const wanted = (await audit()).map(({ id }) => id);
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const query: Record<string, string> = { limit: '3', ...(cursor === null ? {} : { cursor }) };
    const page: { items: AuditEntry[]; nextCursor: string | null } = await shared.client.json(
      'GET',
      `/v1/workspaces/default/audit?${new URLSearchParams(query)}`,
    );
    seen.push(...page.items.map(({ id }) => id));
    cursor = page.nextCursor;
  } while (cursor !== null);
  expect(seen).toEqual(wanted);
});
