import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { streamBlocks } from '@boxyard/sandbox-core';
import { Hono } from 'hono';
import { expect, onTestFinished, test } from 'vitest';
import { startHttpServer } from './http-server.ts';

const UPLOAD_BYTES = 160 * 1024 ** 2;

const cuts: string[] = [];

async function digestOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of body) hash.update(chunk);
  return hash.digest('hex');
}

async function startServer(): Promise<URL> {
  const app = new Hono()
    .put('/unread', (c) => c.json({ code: 'quota' }, 507))
    .put('/begun', async (c) => {
      const reader = c.req.raw.body!.getReader();
      await reader.read();
      await reader.cancel();
      return c.json({ code: 'quota' }, 507);
    })
    .put('/filled', async (c) => {
      for await (const _ of streamBlocks(c.req.raw.body!, c.req.raw.signal, 'Reading')) break;
      return c.json({ code: 'quota' }, 507);
    })
    .put('/digest', async (c) => c.text(await digestOf(c.req.raw.body!)))
    .put('/blocks', async (c) =>
      c.text(await digestOf(streamBlocks(c.req.raw.body!, c.req.raw.signal, 'Reading'))),
    )
    .put('/cut', async (c) => {
      const told = new Promise((resolve) => c.req.raw.signal.addEventListener('abort', resolve));
      const broken = await digestOf(c.req.raw.body!).catch((error: Error) => error.message);
      await told;
      cuts.push(broken);
      return c.text('nobody hears this');
    })
    .get('/', (c) => c.text('here'));
  const server = await startHttpServer({ app, host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.stop(0));
  return new URL(server.url);
}

test.each(['unread', 'begun', 'filled'])(
  'who sends everything before he looks at the answer gets the refusal of an upload: %s',
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

test.each(['digest', 'blocks'])(
  'an upload arrives as it was sent, with its length declared or in chunks: %s',
  async (path) => {
    const url = new URL(path, await startServer());
    const bytes = new Uint8Array(randomBytes(20 * 1024 ** 2 + 1));
    const digest = createHash('sha256').update(bytes).digest('hex');
    const put = async (body: Uint8Array<ArrayBuffer> | ReadableStream) =>
      (await fetch(url, { method: 'PUT', body, duplex: 'half' } as RequestInit)).text();
    expect([await put(bytes), await put(new Blob([bytes]).stream())]).toEqual([digest, digest]);
    expect(await put(new Uint8Array())).toBe(createHash('sha256').digest('hex'));
  },
);

test('an upload whose connection breaks is an error to who reads it, and he hears that nobody waits', async () => {
  const { hostname, port } = await startServer();
  const socket = connect(Number(port), hostname);
  socket.write('PUT /cut HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n\r\nsome', () => socket.destroy());
  await expect.poll(() => cuts, { timeout: 30_000 }).toEqual([expect.stringMatching(/broke|aborted/)]);
});
