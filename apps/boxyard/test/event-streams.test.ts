import { eventually } from '@tooling/eventually';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ApiClient } from './raw-api.ts';
import { type SharedServer, startSharedServer } from './shared-server.ts';

const WORKSPACE = '/v1/workspaces/default';

let shared: SharedServer;
let events: string;
let post: (route: string, body: object) => Promise<unknown>;

beforeAll(async () => {
  shared = await startSharedServer({ BOXYARD_OP_EVENT_BYTES: '100', BOXYARD_SSE_COMMENT_MS: '20' });
  const { id } = await shared.client.json<{ id: string }>('POST', `${WORKSPACE}/sessions`, { body: {} });
  post = (route, body) => shared.client.json('POST', `${WORKSPACE}/sessions/${id}/${route}`, { body });
  events = `${WORKSPACE}/sessions/${id}/events`;
});
afterAll(() => shared.stop());

interface Told {
  readonly type: string;
  readonly payload: { readonly chunk?: string; readonly afterBytes?: number };
}

const listed = async (client: ApiClient) =>
  (await client.json<{ items: Told[] }>('GET', `${events}?limit=1000`)).items;

test('the events carry as much of a command as the server is set to, and say that there is more', async () => {
  await post('terminal/exec', { command: 'yes | head -n 1000' });
  const told = await listed(shared.client);
  const output = told.filter(({ type }) => type === 'sandbox.command.output.delta');
  expect(output.map(({ payload }) => payload.chunk).join('')).toBe('y\n'.repeat(50));
  expect(told.filter(({ type }) => type === 'output.elided')).toMatchObject([
    { payload: { afterBytes: 100 } },
  ]);
});

test('output and file names are left out for a key that may not see them, listed and streamed', async () => {
  await post('fs/write', { path: 'named.txt', content: 'x' });
  const { token } = await shared.client.json<{ token: string }>('POST', `${WORKSPACE}/keys`, {
    body: { name: 'reader', permissions: ['sessions:read'] },
  });
  const reader = new ApiClient({ url: shared.client.url, token });
  const hidden = ['sandbox.command.output.delta', 'fs.changed'];
  const whole = (await listed(shared.client)).map(({ type }) => type);
  expect(whole).toEqual(expect.arrayContaining(hidden));
  const allowed = whole.filter((type) => !hidden.includes(type));
  expect((await listed(reader)).map(({ type }) => type)).toEqual(allowed);

  const seen: (string | undefined)[] = [];
  const stop = new AbortController();
  const reading = (async () => {
    for await (const { event } of reader.events(events, { signal: stop.signal })) seen.push(event);
  })().catch(() => undefined);
  await eventually('the events of the reader', async () => seen.length >= allowed.length);
  stop.abort();
  await reading;
  expect(seen).toEqual(allowed);
});

test('a quiet stream sends comments', async () => {
  const stop = new AbortController();
  const headers = { accept: 'text/event-stream', 'last-event-id': '1000000' };
  const stream = await shared.client.send('GET', events, { headers, signal: stop.signal });
  let text = '';
  for await (const chunk of stream.body ?? []) {
    text += Buffer.from(chunk).toString();
    if (text.split(': still here\n\n').length > 2) break;
  }
  stop.abort();
  expect(text).toMatch(/^: open\n\n(: still here\n\n){2}/);
});
