/**
 * The client against a real server. Every exchange passes a proxy that compares it with the served OpenAPI document;
 * the last test says what that has seen.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BoxyardClient, BoxyardError, type BoxyardSession, createClient, ROUTES } from '@boxyard/client';
import { eventually } from '@tooling/eventually';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CuttableConnection, startCuttableConnection } from './cuttable-connection.ts';
import { type SharedServer, startSharedServer } from './shared-server.ts';
import { startTestServer, temporaryDataDir } from './test-server.ts';
import { startValidatingProxy, type ValidatingProxy } from './validating-proxy/start-validating-proxy.ts';

let shared: SharedServer;
let proxy: ValidatingProxy;
let connection: CuttableConnection;
let boxyard: BoxyardClient;
/** The same over a connection that is cut now and then. */
let shaky: BoxyardClient;
let session: BoxyardSession;
beforeAll(async () => {
  shared = await startSharedServer();
  proxy = await startValidatingProxy(shared.client.url);
  connection = await startCuttableConnection(() => proxy.url);
  boxyard = createClient({ url: proxy.url, token: shared.token });
  shaky = createClient({ url: connection.url, token: shared.token });
  session = await boxyard.sessions.create({ name: 'client' });
});
afterAll(async () => {
  connection?.stop();
  await proxy?.stop();
  await shared.stop();
});

async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    if (BoxyardError.isInstance(error)) return error.code;
    throw error;
  }
  return 'no error';
}

test('a session is made once for a key, found by what it carries, paused, woken and gone with its scope', async () => {
  const request = { metadata: { owner: 'ada & co' }, environment: { GREETING: 'hi' } };
  let id: string;
  {
    await using made = await boxyard.sessions.create(request, { idempotencyKey: 'client-1' });
    id = made.id;
    const again = await boxyard.sessions.create(request, { idempotencyKey: 'client-1' });
    expect(again.id).toBe(id);
    expect(await codeOf(boxyard.sessions.create({}, { idempotencyKey: 'client-1' }))).toBe(
      'idempotency-mismatch',
    );
    const found: string[] = [];
    for await (const each of boxyard.sessions.list({ metadata: { owner: 'ada & co' }, pageSize: 1 }))
      found.push(each.id);
    expect(found).toEqual([id]);
    expect((await made.exec('echo $GREETING')).stdout).toBe('hi\n');
    expect((await made.pause({ force: true })).liveness).toBe('cold');
    expect((await made.capabilities()).liveness).toBe('cold');
    expect((await made.exec('echo awake')).stdout).toBe('awake\n');
    expect((await made.info()).restored).toEqual({ kind: 'EXACT' });
  }
  expect(await codeOf(boxyard.session(id).info())).toBe('not-found');
});

test('a command answers its exit code and exactly its bytes', async () => {
  const bytes = randomBytes(1000);
  const result = await session.exec('cat; echo error >&2; exit 9', { stdin: bytes });
  expect(result).toMatchObject({ exitCode: 9, stderr: 'error\n', timedOut: false, truncated: false });
  expect(Buffer.from(result.stdoutBytes).equals(bytes)).toBe(true);
  expect(await session.exec('sleep 60', { timeoutMs: 100 })).toMatchObject({ timedOut: true });
  expect(await codeOf(session.exec('pwd', { cwd: '../..' }))).toBe('invalid');
});

test('a command is talked to while it runs, looked up and ended', async () => {
  const command = await session.start('while read line; do echo "got $line"; done; sleep 600');
  await command.writeStdin('one\n');
  let printed = '';
  for await (const { text } of command.output()) {
    printed += text;
    if (printed === 'got one\n') await command.writeStdin('zwei ü\n');
    if (printed === 'got one\ngot zwei ü\n') break;
  }
  await command.closeStdin();
  expect(await session.command(command.opId).status()).toMatchObject({ state: 'running' });
  expect((await session.api.commands.list()).items.map(({ opId }) => opId)).toContain(command.opId);
  await command.kill({ graceMs: 0 });
  expect(await command.wait()).toMatchObject({ signal: expect.stringMatching(/^SIG/) });
});

test('output is whole and in order over connections that are cut in the middle', async () => {
  const command = await session.start(
    'for i in $(seq 1 60); do echo "line $i"; echo "side $i" >&2; sleep 0.02; done',
  );
  const printed = { stdout: '', stderr: '' };
  let pieces = 0;
  let cuts = 0;
  for await (const { stream, text } of shaky.session(session.id).command(command.opId).output()) {
    printed[stream] += text;
    if ([1, 10, 30].includes(++pieces)) cuts += connection.cut();
  }
  expect(cuts).toBeGreaterThan(0);
  const lines = (word: string) => Array.from({ length: 60 }, (_, index) => `${word} ${index + 1}\n`).join('');
  expect(printed).toEqual({ stdout: lines('line'), stderr: lines('side') });
  expect(await command.wait()).toMatchObject({ exitCode: 0 });
});

test('events come once each and in order over connections that are cut', async () => {
  const before = (await session.events.list({ limit: 1000 })).items.at(-1)?.seq ?? 0;
  const seen: number[] = [];
  const paths: string[] = [];
  const following = (async () => {
    for await (const event of shaky.session(session.id).events.follow({ after: before })) {
      seen.push(event.seq);
      if (event.type === 'fs.changed') paths.push(...event.payload.changes.map(({ path }) => path));
      if (paths.includes('event-4')) return;
    }
  })();
  for (const name of ['event-1', 'event-2', 'event-3', 'event-4']) {
    await session.files.write({ path: name, content: name });
    await eventually(`the event of ${name}`, async () => paths.includes(name));
    connection.cut();
  }
  await following;
  expect(paths).toEqual(['event-1', 'event-2', 'event-3', 'event-4']);
  expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
});

test('output is whole over a server that is killed and started again while the command runs', async () => {
  const dataDir = await temporaryDataDir();
  let server = await startTestServer(dataDir);
  const relay = await startCuttableConnection(() => server.url);
  try {
    const client = createClient({ url: relay.url, token: server.token });
    await using own = await client.sessions.create();
    const command = await own.start('for i in $(seq 1 30); do echo $i; sleep 0.1; done; exit 5');
    let printed = '';
    let restarted: Promise<void> | undefined;
    for await (const { text } of command.output()) {
      printed += text;
      restarted ??= (async () => {
        await server.kill();
        server = await startTestServer(dataDir);
      })();
    }
    await restarted;
    expect(printed).toBe(Array.from({ length: 30 }, (_, index) => `${index + 1}\n`).join(''));
    expect(await command.wait()).toMatchObject({ exitCode: 5 });
  } finally {
    relay.stop();
    await server.terminate();
  }
});

test('files go up and down as text, bytes and streams, under their etag', async () => {
  const { files } = session;
  const big = randomBytes(3_000_000);
  const put = await files.upload('dir/big.bin', new Blob([big]).stream(), { ifAbsent: true });
  expect(put.sizeBytes).toBe(big.length);
  expect(Buffer.from(await files.readBytes('dir/big.bin')).equals(big)).toBe(true);
  const part = await files.download('dir/big.bin', { range: { start: 10, end: 20 }, ifMatch: put.etag });
  expect(part).toMatchObject({ sizeBytes: 10, etag: put.etag });
  expect(Buffer.from(await part.bytes()).equals(big.subarray(10, 20))).toBe(true);
  const same = await files.readContent(
    { path: 'dir/big.bin' },
    { headers: { 'If-None-Match': `"${put.etag}"` } },
  );
  expect(same.status).toBe(304);
  expect(await codeOf(files.upload('dir/big.bin', 'x', { ifAbsent: true }))).toBe('conflict');
  expect(await codeOf(files.readText('dir/big.bin', { range: { start: 9_000_000 } }))).toBe('range');
  await files.upload('text.txt', 'zwölf');
  expect(await files.readText('text.txt')).toBe('zwölf');
  expect(await files.read({ path: 'text.txt' })).toMatchObject({ content: 'zwölf', isBinary: false });
  expect(await codeOf(files.readText('absent'))).toBe('not-found');
});

test('a workspace is listed, changed, watched and copied as a whole', async () => {
  const { files } = session;
  const changes = files.changes({ path: '' });
  const seen: string[] = [];
  const watching = (async () => {
    for await (const { kind, path } of changes) {
      seen.push(`${kind} ${path}`);
      if (path === 'made/seen') return;
    }
  })();
  await files.mkdir({ path: 'made' });
  // The stream may be open only after the first change: another name each time, until one is told.
  await eventually('the new file is told', async () => {
    await files.write({ path: 'made/seen', content: String(seen.length) });
    return seen.some((line) => line.endsWith('made/seen'));
  });
  await watching;
  await files.move({ path: 'made/seen', newPath: 'made/moved' });
  const { root } = await files.list({ path: 'made', depth: 2 });
  expect(root.children?.map(({ name }) => name)).toEqual(['moved']);
  expect(await files.stat({ path: 'made/moved' })).toMatchObject({ kind: 'file' });
  const archive = await files.readArchive({ path: 'made' });
  await files.writeArchive({ path: 'copied' }, archive.body!);
  expect(await files.readText('copied/moved')).toMatch(/^\d+$/);
  await files.delete({ path: 'copied', recursive: true });
  expect(await codeOf(files.stat({ path: 'copied' }))).toBe('not-found');
});

test('git tells what was changed', async () => {
  await using own = await boxyard.sessions.create();
  const commit = 'git add -A && git -c user.name=a -c user.email=a@localhost commit -qm';
  await own.files.write({ path: 'a.txt', content: 'one\n' });
  expect((await own.exec(`git init -q . && ${commit} first`)).exitCode).toBe(0);
  await own.files.write({ path: 'a.txt', content: 'two\n' });
  expect((await own.git.status()).files).toMatchObject([{ path: 'a.txt', worktree: 'M' }]);
  expect((await own.git.diff()).files).toMatchObject([{ path: 'a.txt', additions: 1, deletions: 1 }]);
  const [newest] = (await own.git.log()).commits;
  expect(newest?.subject).toBe('first');
  expect((await own.git.show({ ref: newest!.sha })).commit?.sha).toBe(newest!.sha);
});

test('a terminal shows what is typed, in its size, until it ends', async () => {
  await using terminal = await session.openTerminal({ cols: 100, rows: 30 });
  expect((await session.api.terminals.list()).items.map(({ ptyId }) => ptyId)).toContain(terminal.ptyId);
  await terminal.resize(120, 40);
  await terminal.write('stty size; exit 3\n');
  let shown = '';
  let end: unknown;
  for await (const output of session.terminal(terminal.ptyId).output()) {
    if (output.kind === 'exited') end = output;
    else shown += new TextDecoder().decode(output.bytes);
  }
  expect(shown).toContain('40 120');
  expect(end).toEqual({ kind: 'exited', exitCode: 3, reason: 'exited' });
});

test('keys and workspaces are managed, and a key that was revoked is refused', async () => {
  const { slug } = await boxyard.workspaces.create({ slug: 'client-team' });
  expect((await boxyard.workspaces.get(slug)).slug).toBe(slug);
  expect((await boxyard.workspaces.list()).items.map((each) => each.slug)).toContain(slug);
  const team = boxyard.inWorkspace(slug);
  const { id, token } = await team.keys.create({ name: 'reader', permissions: ['sessions:read'] });
  const reader = createClient({ url: proxy.url, token, workspace: slug });
  for await (const _ of reader.sessions.list()) throw new Error('The workspace is new.');
  expect(await codeOf(reader.sessions.create())).toBe('denied');
  expect((await team.keys.list()).items).toMatchObject([{ id, revokedAt: null }]);
  await team.keys.revoke(id);
  await eventually(
    'the key stops working',
    async () => (await codeOf(reader.sessions.list().next())) === 'unauthenticated',
  );
});

test('the server tells how it is, and describes itself', async () => {
  expect(await boxyard.server.health()).toEqual({ status: 'ok' });
  expect((await boxyard.server.readiness()).status).toBe('ready');
  expect(await (await boxyard.server.docs()).text()).toContain('<!doctype html>');
  await (await boxyard.server.docsAsset('swagger-ui.css')).body?.cancel();
  const document = (await (await boxyard.server.document()).json()) as { openapi: string };
  expect(document.openapi).toBe('3.1.0');
});

test('the proxy has seen every route that only reads, most of the others, and nothing that differs', async () => {
  const visited = () => new Set(proxy.exchanges.map(({ operationId }) => operationId));
  // What is left, with ids that are well formed: whatever the answer is, it must be a declared one.
  for (const [operationId, { method, path }] of Object.entries(ROUTES)) {
    if (method !== 'GET' || visited().has(operationId)) continue;
    const values: Record<string, string> = { ws: 'default', sid: session.id, port: '8080' };
    const address = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name] ?? session.id);
    const response = await fetch(new URL(address, proxy.url), {
      headers: { authorization: `Bearer ${shared.token}` },
    });
    await response.body?.cancel();
  }
  await proxy.stop();
  const reading = Object.entries(ROUTES).filter(([, { method }]) => method === 'GET');
  expect([...visited()]).toEqual(expect.arrayContaining(reading.map(([operationId]) => operationId)));
  expect(visited().size).toBeGreaterThan(45);
  expect(proxy.exchanges.filter(({ violations }) => violations.length > 0)).toEqual([]);
});

test('the proxy tells what differs from a document that is not the right one', async () => {
  const document = JSON.parse(await (await fetch(new URL('/v1/openapi.json', shared.client.url))).text());
  const { paths, components } = document;
  const SESSIONS = '/v1/workspaces/{ws}/sessions';
  delete components.schemas.Session.properties.liveness;
  components.schemas.CreateSessionRequest.required = ['name'];
  components.schemas.OpStreamMessage.anyOf = components.schemas.OpStreamMessage.anyOf.slice(2);
  delete components.schemas.ProblemCode.enum;
  components.schemas.ProblemCode.const = 'other';
  delete paths[`${SESSIONS}/{sid}`].delete.responses[204];
  delete paths['/healthz'];
  const listed = paths[SESSIONS].get;
  listed.parameters = listed.parameters.filter(({ name }: { name: string }) => name !== 'limit');
  const folder = await mkdtemp(join(tmpdir(), 'boxyard-document-'));
  const file = join(folder, 'openapi.json');
  await writeFile(file, JSON.stringify(document));
  const strict = await startValidatingProxy(shared.client.url, file);
  try {
    const client = createClient({ url: strict.url, token: shared.token });
    {
      await using made = await client.sessions.create();
      await (await made.start('echo x')).wait();
      expect(await codeOf(made.files.stat({ path: 'absent' }))).toBe('not-found');
    }
    await client.sessions.list({ pageSize: 1 }).next();
    await client.server.health();
  } finally {
    await strict.stop();
    await rm(folder, { recursive: true });
  }
  const of = (operationId: string | null) =>
    strict.exchanges
      .filter((each) => each.operationId === operationId)
      .flatMap(({ violations }) => violations);
  expect(of('sessions.create').join('\n')).toMatch(/request: must have required property 'name'/);
  expect(of('sessions.create').join('\n')).toMatch(/answer: must NOT have additional properties.*liveness/);
  expect(of('sessions.list').join('\n')).toMatch(/query: must NOT have additional properties.*limit/);
  expect(of('commands.stream').join('\n')).toMatch(/event: must match a schema in anyOf/);
  expect(of('files.stat').join('\n')).toMatch(/answer\/code: must be equal to constant/);
  expect(of('sessions.delete')).toEqual(['answer: the status 204 is not declared']);
  expect(of(null)).toEqual(['request: there is no GET /healthz']);
});
