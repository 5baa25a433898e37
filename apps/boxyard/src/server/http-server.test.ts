import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { Hono } from 'hono';
import { expect, onTestFinished, test } from 'vitest';
import { startHttpServer } from './http-server.ts';

const UPLOAD_BYTES = 160 * 1024 ** 2;

async function startServer(): Promise<URL> {
  const app = new Hono()
    .put('/unread', (c) => c.json({ code: 'quota' }, 507))
    .put('/begun', async (c) => {
      const reader = c.req.raw.body!.getReader();
      await reader.read();
      await reader.cancel();
      return c.json({ code: 'quota' }, 507);
    })
    .get('/', (c) => c.text('here'));
  const server = await startHttpServer({ app, host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.stop(0));
  return new URL(server.url);
}

test.each(['unread', 'begun'])(
  'who sends everything before he looks at the answer gets the refusal of an upload that is left %s',
  async (path) => {
    const { hostname, port } = await startServer();
    const socket = connect(Number(port), hostname);
    onTestFinished(() => void socket.destroy());
    const broken = new Promise<never>((_, reject) => socket.once('error', reject));
    const send = (bytes: string | Uint8Array) =>
      Promise.race([new Promise<void>((resolve) => socket.write(bytes, () => resolve())), broken]);
    await send(`PUT /${path} HTTP/1.1\r\nHost: here\r\nContent-Length: ${UPLOAD_BYTES}\r\n\r\n`);
    const chunk = new Uint8Array(1024 ** 2);
    for (let sent = 0; sent < UPLOAD_BYTES; sent += chunk.length) await send(chunk);
    // The connection is of further use, and its end is the client's.
    await send('GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n');
    const answers = await Promise.race([text(socket), broken]);
    expect(answers).toMatch(/^HTTP\/1\.1 507 .*\{"code":"quota"\}HTTP\/1\.1 200 .*here$/s);
  },
);

test('a client that stops sending once it is refused leaves nothing behind', async () => {
  const url = await startServer();
  const answer = await fetch(new URL('/begun', url), { method: 'PUT', body: new Uint8Array(UPLOAD_BYTES) });
  expect([answer.status, await answer.json()]).toEqual([507, { code: 'quota' }]);
  expect(await (await fetch(url)).text()).toBe('here');
});
