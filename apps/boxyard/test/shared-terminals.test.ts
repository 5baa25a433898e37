import { randomBytes } from 'node:crypto';
import { eventually } from '@tooling/eventually';
import { expect, test } from 'vitest';
import type { ApiClient } from './raw-api.ts';
import { openSharedDatabase } from './shared-database.ts';
import { deleteSessions, startTestServer, temporaryDataDir } from './test-server.ts';

const SESSIONS = '/v1/workspaces/default/sessions';

interface Message {
  readonly seq: number;
  readonly screen?: string;
  readonly chunk?: string;
  readonly exitCode?: number | null;
  readonly reason?: string;
}

class Viewer {
  readonly messages: Message[] = [];
  readonly done: Promise<void>;
  readonly #stop = new AbortController();

  constructor(client: ApiClient, path: string, after?: number) {
    const headers: Record<string, string> = after === undefined ? {} : { 'last-event-id': String(after) };
    this.done = (async () => {
      for await (const { data } of client.events(path, { headers, signal: this.#stop.signal })) {
        this.messages.push(JSON.parse(data));
      }
    })();
    this.done.catch(() => undefined);
  }

  get text(): string {
    return this.messages.map(({ screen, chunk }) => screen ?? chunk ?? '').join('');
  }

  shows(text: string): Promise<unknown> {
    return eventually(`${text} on the screen`, async () => this.text.includes(text));
  }

  leave(): void {
    this.#stop.abort();
  }
}

test('a terminal is used at any server of one database, and its end is told once when its own is killed', async () => {
  const { store, url } = await openSharedDatabase();
  const env = {
    BOXYARD_DATABASE_URL: url,
    BOXYARD_TOKEN: 'a-token-for-both',
    BOXYARD_SECRET_KEY: randomBytes(32).toString('base64'),
  };
  // Each has a folder of its own, as servers on two machines have: only the first one can reach the box.
  const owner = await startTestServer(await temporaryDataDir(), env);
  const other = await startTestServer(await temporaryDataDir(), env);
  const { id } = await owner.client.json<{ id: string }>('POST', SESSIONS, { body: {} });
  const at = (route: string) => `${SESSIONS}/${id}/terminal/pty${route}`;
  const open = async () =>
    (await owner.client.json<{ ptyId: string }>('POST', at(''), { body: { shell: '/bin/sh' } })).ptyId;
  const type = (ptyId: string, data: string) =>
    other.client.json('POST', at('/write'), { body: { ptyId, data } });

  const ptyId = await open();
  const listed = await other.client.json<{ items: object[] }>('GET', at(''));
  expect(listed.items).toMatchObject([{ ptyId, cols: 80, rows: 24 }]);
  const viewer = new Viewer(other.client, at(`/${ptyId}/stream`));
  await type(ptyId, 'echo f"ro"m there; stty size\r');
  await viewer.shows('from there');
  await viewer.shows('24 80');
  await other.client.json('POST', at('/resize'), { body: { ptyId, cols: 111, rows: 33 } });
  await type(ptyId, 'stty size\r');
  await viewer.shows('33 111');
  expect((await other.client.json<{ items: object[] }>('GET', at(''))).items).toMatchObject([{ cols: 111 }]);
  await type(ptyId, 'seq 1 60000; echo "d"one\r');
  await viewer.shows('\r\n59999\r\n60000\r\n');
  await viewer.shows('\r\ndone');
  viewer.leave();
  const back = new Viewer(other.client, at(`/${ptyId}/stream`), viewer.messages.at(-1)?.seq);
  await type(ptyId, 'echo "a"gain; exit 3\r');
  await back.done;
  expect(back.text).toContain('again');
  expect(back.text).not.toContain('60000');
  expect(back.messages.at(-1)).toMatchObject({ exitCode: 3, reason: 'exited' });
  await expect(type(ptyId, 'x')).rejects.toMatchObject({ status: 409 });
  await expect(type('0197a3b2-7c44-7d21-8a10-3f5e6b7c8d90', 'x')).rejects.toMatchObject({ status: 404 });

  const closed = await open();
  await other.client.json('POST', at('/close'), { body: { ptyId: closed } });
  const orphan = await open();
  const watching = new Viewer(other.client, at(`/${orphan}/stream`));
  await type(orphan, 'echo al"iv"e\r');
  await watching.shows('alive');
  await owner.kill();
  // As if a server had been silent for long enough to be dead.
  await store.setClockOffset(60_000);
  await watching.done;
  expect(watching.messages.at(-1)).toMatchObject({ exitCode: null, reason: 'host-restarted' });
  expect((await other.client.json<{ items: object[] }>('GET', at(''))).items).toEqual([]);
  const events = await other.client.json<{ items: { type: string; payload: object }[] }>(
    'GET',
    `${SESSIONS}/${id}/events?limit=1000`,
  );
  expect(
    events.items.filter(({ type }) => type === 'terminal.pty.exited').map(({ payload }) => payload),
  ).toEqual([
    { ptyId, exitCode: 3, reason: 'exited' },
    { ptyId: closed, exitCode: null, reason: 'closed' },
    { ptyId: orphan, exitCode: null, reason: 'host-restarted' },
  ]);
  await store.setClockOffset(0);
  await deleteSessions(other.client).catch(() => undefined);
});
