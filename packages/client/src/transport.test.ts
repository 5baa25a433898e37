import { expect, test } from 'vitest';
import { closedUrl, json, problem, startScriptedServer } from '../test/scripted-server.ts';
import { BoxyardError, createClient } from './index.ts';

const SESSION = { id: 's', liveness: 'cold' };
const health = { status: 'ok' };

async function failureOf(call: Promise<unknown>): Promise<BoxyardError> {
  const error = await call.then(
    () => new Error('It did not fail.'),
    (thrown: unknown) => thrown,
  );
  if (!BoxyardError.isInstance(error)) throw error;
  return error;
}

test('a read is sent again after a broken connection and after 503, and asks as the server wants', async () => {
  const server = await startScriptedServer((response, _, request) => {
    if (request === 1) response.destroy();
    else if (request === 2)
      problem(response, 503, { code: 'not-ready', retryable: true }, { 'retry-after': '0' });
    else json(response, 200, health);
  });
  expect(await createClient({ url: server.url }).server.health()).toEqual(health);
  expect(server.seen).toHaveLength(3);
});

test('it gives up after its attempts and tells the last failure with how often it tried', async () => {
  const server = await startScriptedServer((response) =>
    problem(response, 503, { code: 'unreachable', retryable: true }, { 'retry-after': '0' }),
  );
  const failure = await failureOf(createClient({ url: server.url, maxAttempts: 2 }).server.health());
  expect(failure).toMatchObject({ code: 'unreachable', status: 503, attempts: 2, retryAfterMs: 0 });
  expect(server.seen).toHaveLength(2);
});

test('what may have happened is told as unknown and never sent again', async () => {
  const server = await startScriptedServer((response) => void response.destroy());
  const session = createClient({ url: server.url }).session('s');
  const failure = await failureOf(session.files.write({ path: 'a', content: 'x' }));
  expect(failure).toMatchObject({
    code: 'outcome-unknown',
    status: null,
    retryable: false,
    started: 'unknown',
    attempts: 1,
  });
  expect(server.seen).toHaveLength(1);
});

test('a server that says outcome-unknown is believed, also for what could be repeated', async () => {
  const server = await startScriptedServer((response) =>
    problem(response, 502, { code: 'outcome-unknown', retryable: true, started: 'no' }),
  );
  const failure = await failureOf(createClient({ url: server.url }).session('s').exec('make'));
  expect(failure).toMatchObject({ code: 'outcome-unknown', status: 502 });
  expect(server.seen).toHaveLength(1);
});

test('a change is sent again only when it surely did not begin', async () => {
  const server = await startScriptedServer((response, _, request) => {
    if (request === 1) problem(response, 503, { code: 'draining', retryable: true }, { 'retry-after': '0' });
    else if (request === 2) {
      problem(response, 503, { code: 'not-ready', retryable: true, started: 'no' }, { 'retry-after': '0' });
    } else problem(response, 503, { code: 'not-ready', retryable: true }, { 'retry-after': '0' });
  });
  const { files } = createClient({ url: server.url }).session('s');
  const failure = await failureOf(files.delete({ path: 'a' }));
  expect(failure).toMatchObject({ code: 'not-ready', attempts: 3 });
  expect(server.seen).toHaveLength(3);
});

test('a creation carries one idempotency key through all of its repetitions, and another the next time', async () => {
  const server = await startScriptedServer((response, _, request) => {
    if (request === 1) response.destroy();
    else json(response, 201, SESSION);
  });
  const { sessions } = createClient({ url: server.url, token: 'byk_test' });
  await sessions.create({ name: 'one' });
  await sessions.create({ name: 'one' });
  await sessions.create({ name: 'one' }, { idempotencyKey: 'mine' });
  const keys = server.seen.map(({ headers }) => headers['idempotency-key']);
  expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
  expect(keys[1]).toBe(keys[0]);
  expect(keys[2]).not.toBe(keys[0]);
  expect(keys[3]).toBe('mine');
  expect(server.seen[0]).toMatchObject({ method: 'POST', url: '/v1/workspaces/default/sessions' });
  expect(server.seen[0]?.headers.authorization).toBe('Bearer byk_test');
});

test('a command carries one id through all of its repetitions, and is asked for until it has ended', async () => {
  const ended = {
    stdout: btoa('ab'),
    stderr: '',
    exitCode: 3,
    running: false,
    timedOut: false,
    truncated: false,
  };
  const server = await startScriptedServer((response, seen, request) => {
    const { opId } = JSON.parse(seen.body) as { opId: string };
    if (request === 1) response.destroy();
    else if (request === 2)
      json(response, 200, { ...ended, opId, exitCode: null, running: true, wallTimeMs: 1 });
    else json(response, 200, { ...ended, opId, wallTimeMs: 2 });
  });
  const result = await createClient({ url: server.url }).session('s').exec('long');
  expect(result).toMatchObject({ exitCode: 3, stdout: 'ab', stderr: '' });
  expect(new Set(server.seen.map(({ body }) => body)).size).toBe(1);
  expect(server.seen).toHaveLength(3);
});

test('a deletion whose answer was lost is done, and one of what is not there is an error', async () => {
  const server = await startScriptedServer((response, _, request) => {
    if (request === 1) response.destroy();
    else problem(response, 404, { code: 'not-found' });
  });
  const { sessions } = createClient({ url: server.url });
  await sessions.delete('s');
  expect(await failureOf(sessions.delete('absent'))).toMatchObject({ code: 'not-found', attempts: 1 });
});

test('a body that is a stream is never sent twice', async () => {
  const server = await startScriptedServer((response) =>
    problem(response, 503, { code: 'draining', retryable: true }, { 'retry-after': '0' }),
  );
  const { files } = createClient({ url: server.url }).session('s');
  const failure = await failureOf(files.upload('a', new Blob(['content']).stream()));
  expect(failure).toMatchObject({ code: 'draining', attempts: 1, started: 'no' });
  expect(server.seen.map(({ body }) => body)).toEqual(['content']);
});

test('a call ends with its deadline and with its signal, and says what is known of it', async () => {
  const server = await startScriptedServer(() => {});
  const client = createClient({ url: server.url, deadlineMs: 50 });
  expect(await failureOf(client.server.health())).toMatchObject({ code: 'timeout', started: 'no' });
  const { files } = client.session('s');
  expect(await failureOf(files.mkdir({ path: 'a' }))).toMatchObject({ code: 'timeout', started: 'unknown' });
  const cancelled = files.mkdir({ path: 'a' }, { signal: AbortSignal.timeout(20), deadlineMs: 60_000 });
  expect(await failureOf(cancelled)).toMatchObject({ code: 'cancelled', started: 'unknown' });
  const before = server.seen.length;
  const never = files.mkdir({ path: 'a' }, { signal: AbortSignal.abort() });
  expect(await failureOf(never)).toMatchObject({ code: 'cancelled', started: 'no' });
  expect(server.seen).toHaveLength(before);
});

test('a download that is cut or cancelled in the middle is never a part for the whole', async () => {
  const server = await startScriptedServer((response, _, request) => {
    response.writeHead(200, { 'content-length': '100', etag: '"sha256-x"' }).write('half');
    if (request === 1) setImmediate(() => response.destroy());
  });
  const { files } = createClient({ url: server.url }).session('s');
  expect(await failureOf(files.readText('a'))).toMatchObject({ code: 'unreachable', retryable: true });
  const stop = new AbortController();
  const download = await files.download('a', { signal: stop.signal, deadlineMs: 60_000 });
  expect(download).toMatchObject({ sizeBytes: 100, etag: 'sha256-x' });
  stop.abort();
  expect(await failureOf(download.bytes())).toMatchObject({ code: 'cancelled' });
});

test('a wait that is longer than the deadline is not begun', async () => {
  const server = await startScriptedServer((response) =>
    problem(response, 503, { code: 'not-ready', retryable: true }, { 'retry-after': '3600' }),
  );
  const failure = await failureOf(createClient({ url: server.url }).server.health());
  expect(failure).toMatchObject({ code: 'not-ready', attempts: 1, retryAfterMs: 3_600_000 });
});

test('a server that is not there is unreachable, and nothing has begun', async () => {
  const client = createClient({ url: await closedUrl(), maxAttempts: 2 });
  const failure = await failureOf(client.session('s').files.write({ path: 'a', content: '' }));
  expect(failure).toMatchObject({ code: 'unreachable', started: 'no', attempts: 2, status: null });
  expect(failure.message).toContain('ECONNREFUSED');
});

test('what an earlier attempt may have begun stays in doubt when a later one does not get through', async () => {
  const server = await startScriptedServer((response, _, request) => {
    if (request === 1) response.destroy();
    else problem(response, 503, { code: 'draining', retryable: true, started: 'no' }, { 'retry-after': '0' });
  });
  const session = createClient({ url: server.url, maxAttempts: 2 }).session('s');
  const failure = await failureOf(session.exec('make'));
  expect(failure).toMatchObject({ code: 'draining', started: 'unknown', attempts: 2, retryable: true });
});

test('the problem document is told whole', async () => {
  const server = await startScriptedServer((response) =>
    problem(response, 400, {
      code: 'invalid',
      ...{ stage: 'parse', errors: [{ path: 'cwd', message: 'must be relative' }] },
    }),
  );
  const failure = await failureOf(createClient({ url: server.url }).session('s').exec('ls', { cwd: '/' }));
  expect(failure).toMatchObject({
    code: 'invalid',
    status: 400,
    retryable: false,
    started: 'no',
    requestId: 'request-1',
    detail: 'It is invalid. Do something.',
    stage: 'parse',
    errors: [{ path: 'cwd', message: 'must be relative' }],
  });
});

test('an answer of something else than the server is told as that', async () => {
  const server = await startScriptedServer((response, _, request) => {
    if (request === 1) response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>Not here</h1>');
    else response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Welcome</h1>');
  });
  const client = createClient({ url: server.url });
  const absent = await failureOf(client.server.health());
  expect(absent).toMatchObject({ code: 'not-found', status: 404 });
  expect(absent.message).toContain(server.url);
  expect(await failureOf(client.server.health())).toMatchObject({ code: 'internal', status: 200 });
});

test('a declared answer of another status is an answer', async () => {
  const state = { status: 'not-ready', checks: { database: 'does not answer' }, dataSizeBytes: null };
  const server = await startScriptedServer((response) => json(response, 503, state));
  expect(await createClient({ url: server.url }).server.readiness()).toEqual(state);
});

test('parameters are sent as the document says, below a path of the address', async () => {
  const server = await startScriptedServer((response) =>
    json(response, 200, { items: [], nextCursor: null }),
  );
  const client = createClient({ url: `${server.url}/boxyard/`, workspace: 'team a' });
  for await (const _ of client.sessions.list({ metadata: { owner: 'ada & co' }, pageSize: 7 }));
  expect(server.seen[0]?.url).toBe(
    '/boxyard/v1/workspaces/team%20a/sessions?metadata.owner=ada+%26+co&limit=7',
  );
});

test('an id that would lead to another route is refused here', async () => {
  const server = await startScriptedServer((response) => json(response, 200, {}));
  const client = createClient({ url: server.url });
  for (const id of ['', '.', '..']) {
    expect(await failureOf(client.session(id).info())).toMatchObject({ code: 'invalid', started: 'no' });
  }
  await client.session('../../keys').info();
  expect(server.seen.map(({ url }) => url)).toEqual(['/v1/workspaces/default/sessions/..%2F..%2Fkeys']);
});

test('pages are read as far as they are wanted', async () => {
  const server = await startScriptedServer((response, { url }) =>
    json(response, 200, {
      items: [{ id: url.includes('cursor=two') ? 'b' : 'a' }],
      nextCursor: url.includes('cursor=two') ? null : 'two',
    }),
  );
  const { sessions } = createClient({ url: server.url });
  const ids: string[] = [];
  for await (const { id } of sessions.list()) ids.push(id);
  expect(ids).toEqual(['a', 'b']);
  for await (const _ of sessions.list()) break;
  expect(server.seen).toHaveLength(3);
});
