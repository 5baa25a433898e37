import { expect, test } from 'vitest';
import { json, problem, startScriptedServer } from '../test/scripted-server.ts';
import { createClient } from './index.ts';

const deletions = (seen: readonly { method: string }[]) =>
  seen.filter(({ method }) => method === 'DELETE').length;

test('the end of its scope deletes a session that was made here, and no other', async () => {
  const server = await startScriptedServer((response, { method }) =>
    method === 'DELETE' ? response.writeHead(204).end() : json(response, 201, { id: 'made' }),
  );
  const client = createClient({ url: server.url });
  {
    await using _ = await client.sessions.create();
    expect(deletions(server.seen)).toBe(0);
  }
  expect(server.seen.at(-1)).toMatchObject({ method: 'DELETE', url: '/v1/workspaces/default/sessions/made' });
  {
    await using _ = (await client.sessions.create()).keep();
  }
  {
    await using _ = client.session('found');
  }
  {
    await using session = await client.sessions.create();
    await session.delete();
  }
  expect(deletions(server.seen)).toBe(2);
});

test('a session that somebody else has deleted ends its scope in peace, and one that stays does not', async () => {
  const server = await startScriptedServer((response, { method }) => {
    if (method !== 'DELETE') json(response, 201, { id: 'made' });
    else if (deletions(server.seen) === 1) problem(response, 404, { code: 'not-found' });
    else problem(response, 403, { code: 'denied' });
  });
  const client = createClient({ url: server.url });
  const scope = async () => {
    await using _ = await client.sessions.create();
  };
  await scope();
  await expect(scope()).rejects.toMatchObject({ code: 'denied' });
});
