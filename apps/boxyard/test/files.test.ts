import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@tooling/eventually';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { copyFiles } from '../src/cli/copy-files.ts';
import { type SharedServer, startSharedServer } from './shared-server.ts';

const SESSIONS = '/v1/workspaces/default/sessions';
let shared: SharedServer;
let session: string;
let scratch: string;
beforeAll(async () => {
  shared = await startSharedServer();
  session = (await shared.client.json<{ id: string }>('POST', SESSIONS, { body: {} })).id;
  scratch = await mkdtemp(join(tmpdir(), 'boxyard-files-'));
});
afterAll(async () => {
  await shared.stop();
  await rm(scratch, { recursive: true, force: true });
});

const at = (route: string) => `${SESSIONS}/${session}/${route}`;
const post = <T>(route: string, body: object) => shared.client.json<T>('POST', at(route), { body });

test('content of any size goes up and down unchanged, in ranges and under its etag', async () => {
  const bytes = randomBytes(20_000_000);
  const digest = createHash('sha256').update(bytes).digest('base64');
  const put = (body: Uint8Array, headers: Record<string, string> = {}) =>
    shared.client.send('PUT', at('fs/content?path=big.bin'), {
      stream: new Blob([body as Uint8Array<ArrayBuffer>]).stream(),
      headers,
    });
  const { etag } = (await (await put(bytes, { 'content-digest': `sha-256=:${digest}:` })).json()) as {
    etag: string;
  };
  const whole = await shared.client.send('GET', at('fs/content?path=big.bin'));
  expect(whole.headers.get('etag')).toBe(`"${etag}"`);
  expect(Buffer.compare(Buffer.from(await whole.arrayBuffer()), bytes)).toBe(0);
  const part = await shared.client.send('GET', at('fs/content?path=big.bin'), {
    headers: { range: 'bytes=19999990-', 'if-range': `"${etag}"` },
  });
  expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 19999990-19999999/20000000']);
  expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(-10))).toBe(true);

  await expect(put(bytes.subarray(1), { 'content-digest': `sha-256=:${digest}:` })).rejects.toMatchObject({
    status: 400,
  });
  await expect(
    put(bytes.subarray(1), {
      'if-match': '"sha256-0000000000000000000000000000000000000000000000000000000000000000"',
    }),
  ).rejects.toMatchObject({ status: 412 });
  await expect(
    shared.client.send('GET', at('fs/content?path=big.bin'), { headers: { range: 'bytes=20000000-' } }),
  ).rejects.toMatchObject({ status: 416, code: 'range' });
  expect((await post<{ sizeBytes: number }>('fs/stat', { path: 'big.bin' })).sizeBytes).toBe(20_000_000);
});

test('files and folders are copied in and out as they are', async () => {
  const local = join(scratch, 'tree');
  await mkdir(join(local, 'empty'), { recursive: true });
  await mkdir(join(local, 'bin'));
  await writeFile(join(local, 'bin', 'run'), '#!/bin/sh\n', { mode: 0o755 });
  await writeFile(join(local, 'ü n.txt'), 'text');
  const box = { session, path: 'copied' };
  await copyFiles(shared.boxyard, { session: null, path: local }, box);
  const listed = await post<{ stdout: string }>('terminal/exec', {
    command: 'cd copied && find . | sort; ./bin/run && echo ran',
  });
  expect(listed.stdout).toBe('.\n./bin\n./bin/run\n./empty\n./ü n.txt\nran\n');
  const back = join(scratch, 'back');
  await copyFiles(shared.boxyard, box, { session: null, path: back });
  expect(await readFile(join(back, 'ü n.txt'), 'utf8')).toBe('text');
  await copyFiles(
    shared.boxyard,
    { session, path: 'copied/bin/run' },
    { session: null, path: join(scratch, 'run') },
  );
  expect(await readFile(join(scratch, 'run'), 'utf8')).toBe('#!/bin/sh\n');
});

test('a watcher hears of what a command does', async () => {
  await post('fs/mkdir', { path: 'watched' });
  const stop = new AbortController();
  const seen: string[] = [];
  const response = await shared.client.send('POST', at('fs/watch'), {
    body: { path: 'watched' },
    signal: stop.signal,
  });
  const reading = (async () => {
    for await (const chunk of response.body ?? []) seen.push(Buffer.from(chunk).toString('utf8'));
  })().catch(() => undefined);
  await eventually('the stream is open', async () => seen.join('').includes(': open'));
  await post('terminal/exec', { command: 'echo x >watched/new.txt' });
  await eventually('the new file is told', async () => seen.join('').includes('watched/new.txt'));
  stop.abort();
  await reading;
});

test('a mutation grows the revision, and its event carries it', async () => {
  const written = await post<{ revision: number }>('fs/write', { path: 'r.txt', content: '1' });
  const events = await shared.client.json<{ items: { type: string; revision: number }[] }>(
    'GET',
    at('events?limit=1000'),
  );
  const last = events.items.filter(({ type }) => type === 'fs.changed').at(-1);
  expect(last?.revision).toBe(written.revision);
});

test('what a command changes is told to the session, and what the API changes is told once', async () => {
  type Told = { type: string; payload: { source: string; changes: { path: string }[] } };
  const told = async () =>
    (await shared.client.json<{ items: Told[] }>('GET', at('events?limit=1000'))).items
      .filter(({ type }) => type === 'fs.changed')
      .flatMap(({ payload }) => payload.changes.map(({ path }) => `${payload.source} ${path}`));
  // Until the watch of a workspace stands, what a command changes is told as a folder.
  await eventually('the file of the command', async () => {
    await post('terminal/exec', { command: 'mkdir -p built && touch built/by-command' });
    return (await told()).includes('agent built/by-command');
  });
  await post('fs/write', { path: 'built/by-api', content: 'x' });
  await post('terminal/exec', { command: 'touch built/last' });
  await eventually('the last file', async () => (await told()).includes('agent built/last'));
  expect((await told()).filter((change) => change.endsWith('built/by-api'))).toEqual(['write built/by-api']);
});
