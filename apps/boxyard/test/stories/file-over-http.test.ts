// A walk of docs/architecture.md: a file is written in the active box of a session, over HTTP.
import { BoxyardError, type BoxyardSession, createClient, type SessionEvent } from '@boxyard/client';
import { eventually } from '@tooling/eventually';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type SharedServer, startSharedServer } from '../shared-server.ts';
import { savedAndFreed } from './saved-and-freed.ts';

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => (BoxyardError.isInstance(error) ? error.code : String(error)),
  );

describe('A file is written in the active box of a session, over HTTP', () => {
  let shared: SharedServer;
  let session: BoxyardSession;
  let etag: string;
  const seen: SessionEvent[] = [];
  const leave = new AbortController();
  let reading: Promise<void>;
  beforeAll(async () => {
    shared = await startSharedServer({ BOXYARD_REQUEST_LINGER_MS: '0' });
    session = (await shared.boxyard.sessions.create()).keep();
    reading = (async () => {
      for await (const event of session.events.follow({ signal: leave.signal })) seen.push(event);
    })().catch((error: unknown) => {
      if (!leave.signal.aborted) throw error;
    });
  });
  afterAll(async () => {
    leave.abort();
    await reading;
    await shared?.stop();
  });
  const liveness = async () => (await session.info()).liveness;
  const write = (path: string, content: string, more: { ifMatch?: string } = {}) =>
    session.files.write({ path, content, ...more });

  test('the route parses the request and checks the grant before anything wakes', async () => {
    expect(await codeOf(write('a'.repeat(5000), 'x'))).toBe('invalid');
    const { token } = await shared.boxyard.keys.create({ name: 'reader', permissions: ['files:read'] });
    const reader = createClient({ url: shared.client.url, token }).session(session.id);
    expect(await codeOf(reader.files.write({ path: 'a.txt', content: 'x' }))).toBe('denied');
    expect(await liveness()).toBe('cold');
  });

  test('the lease finds no box and makes one; the file is in it, and the answer is a value', async () => {
    const answer = await write('src/a.txt', 'first\n');
    expect(answer).toMatchObject({ path: 'src/a.txt', sizeBytes: 6 });
    etag = answer.etag;
    // Nobody holds it any more once the answer is on its way.
    expect(await liveness()).toMatch(/^(warm|draining)$/);
    expect((await session.exec('cat src/a.txt')).stdout).toBe('first\n');
  });

  test('the path stays in the workspace, by its words and by where it really leads', async () => {
    expect(await codeOf(write('../out.txt', 'x'))).toBe('invalid');
    await session.exec('ln -s /tmp out');
    expect(await codeOf(write('out/boxyard-story.txt', 'x'))).toBe('denied');
  });

  test('of two who read the same version, one writes', async () => {
    await write('src/a.txt', 'second\n', { ifMatch: etag });
    expect(await codeOf(write('src/a.txt', 'third\n', { ifMatch: etag }))).toBe('precondition-failed');
    expect(await session.files.readText('src/a.txt')).toBe('second\n');
  });

  test('the change was stored and published: who listens and who asks later are told the same', async () => {
    const changes = (events: readonly SessionEvent[]) =>
      events.filter((event) => event.type === 'fs.changed' && event.payload.source === 'write');
    const { items } = await session.events.list({ limit: 1000 });
    expect(changes(items).length).toBeGreaterThanOrEqual(2);
    await eventually('every write', async () => changes(seen).length === changes(items).length);
    expect(changes(seen)).toEqual(changes(items));
    expect(seen.map(({ type }) => type)).toContain('sandbox.created');
  });

  test('the holder was released: without force the box is saved and freed', async () => {
    await savedAndFreed(session);
    expect(await liveness()).toBe('cold');
    // The next one brings it back, with what was in it.
    expect(await session.files.readText('src/a.txt')).toBe('second\n');
  });

  test('where the session works is decided at one step that the route knows nothing of', async () => {
    await shared.boxyard.api.workspace.sessions.swap(session.id, { target: { backend: 'local' } });
    await write('src/a.txt', 'elsewhere\n');
    await shared.boxyard.api.workspace.sessions.swap(session.id, { target: 'home' });
    expect(await session.files.readText('src/a.txt')).toBe('second\n');
  });
});
