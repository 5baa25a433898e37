import { eventually } from '@tooling/eventually';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type SharedServer, startSharedServer } from './shared-server.ts';

interface SessionAnswer {
  readonly id: string;
  readonly sandboxGroupId: string;
  readonly activeSandboxId: string | null;
  readonly activeEpoch: number;
  readonly liveness: string;
}

interface SwapAnswer {
  readonly activeSandboxId: string | null;
  readonly activeEpoch: number;
  readonly receipt?: { readonly kind: string };
}

const SESSIONS = '/v1/workspaces/default/sessions';
const NOWHERE = '01890000-0000-7000-8000-000000000000';
let shared: SharedServer;
beforeAll(async () => {
  shared = await startSharedServer();
});
afterAll(() => shared.stop());

const post = <Answer>(id: string, path: string, body: object) =>
  shared.client.json<Answer>('POST', `${SESSIONS}/${id}/${path}`, { body });
const create = () => shared.client.json<SessionAnswer>('POST', SESSIONS, { body: {} });
const get = (id: string) => shared.client.json<SessionAnswer>('GET', `${SESSIONS}/${id}`);
const swap = (id: string, target: unknown, more: object = {}) =>
  post<SwapAnswer>(id, 'active-sandbox', { target, ...more });
const exec = (id: string, command: string, more: object = {}) =>
  post<{ opId: string; stdout: string }>(id, 'terminal/exec', { command, ...more });
const write = (id: string, path: string, content: string) =>
  post<{ sandboxGroupId: string; revision: number }>(id, 'fs/write', { path, content });
const read = (id: string, path: string) =>
  post<{ sandboxGroupId: string; content: string }>(id, 'fs/read', { path });
const op = (id: string, opId: string) =>
  shared.client.json<{ state: string }>('GET', `${SESSIONS}/${id}/ops/${opId}`);

describe('a session that is sent to another box', () => {
  test('has its files, git, commands and events there, and every answer names the box', async () => {
    const [session, other] = [await create(), await create()];
    const [home, away] = [session.sandboxGroupId, other.sandboxGroupId];
    expect(session).toMatchObject({ activeSandboxId: null, activeEpoch: 0 });
    expect((await write(session.id, 'where', 'home')).sandboxGroupId).toBe(home);
    await write(other.id, 'where', 'away');
    expect(await swap(session.id, { groupId: away }, { expectedEpoch: 0 })).toEqual({
      activeSandboxId: away,
      activeEpoch: 1,
    });
    expect(await read(session.id, 'where')).toMatchObject({ content: 'away', sandboxGroupId: away });
    expect((await exec(session.id, 'cat where; git init -q')).stdout).toBe('away');
    const { revision } = await write(session.id, 'shared', 'x');
    expect((await write(other.id, 'shared', 'y')).revision).toBeGreaterThan(revision);
    expect(await post(session.id, 'git/status', {})).toMatchObject({ isRepo: true, sandboxGroupId: away });
    expect(await get(session.id)).toMatchObject({
      sandboxGroupId: home,
      activeSandboxId: away,
      activeEpoch: 1,
      liveness: 'warm',
    });
    const capabilities = await shared.client.json<{ DesktopStream: { shared: boolean } }>(
      'GET',
      `${SESSIONS}/${session.id}/stream-capabilities`,
    );
    expect(capabilities.DesktopStream.shared).toBe(true);
    const { items } = await shared.client.json<{ items: { type: string; payload: object }[] }>(
      'GET',
      `${SESSIONS}/${session.id}/events?limit=1000`,
    );
    const types = items.map(({ type }) => type);
    const at = types.indexOf('sandbox.swapped');
    expect(items[at]?.payload).toEqual({ from: null, to: away, activeEpoch: 1 });
    expect(types.slice(at)).toEqual(expect.arrayContaining(['sandbox.command.exited', 'fs.changed']));
    expect(await swap(session.id, 'home')).toEqual({ activeSandboxId: null, activeEpoch: 2 });
    expect(await read(session.id, 'where')).toMatchObject({ content: 'home', sandboxGroupId: home });
  });

  test('leaves a command running where it was begun, and still reaches it', async () => {
    const session = await create();
    const { opId } = await exec(session.id, 'cat >got', { background: true, timeoutMs: 600_000 });
    const { activeSandboxId } = await swap(session.id, { backend: 'local' });
    expect(activeSandboxId).not.toBeNull();
    expect((await exec(session.id, 'ls')).stdout).toBe('');
    await post(session.id, `ops/${opId}/stdin`, { data: 'to the old box', close: true });
    await eventually('the command has ended', async () => (await op(session.id, opId)).state === 'exited');
    // The same id and body is the same command, wherever the session works by now.
    expect((await exec(session.id, 'cat >got', { opId, background: true, timeoutMs: 600_000 })).opId).toBe(
      opId,
    );
    await swap(session.id, 'home');
    expect((await exec(session.id, 'cat got')).stdout).toBe('to the old box');
  });

  test('keeps its terminal in the box where that was opened', async () => {
    const session = await create();
    const { ptyId } = await post<{ ptyId: string }>(session.id, 'terminal/pty', {});
    await swap(session.id, { backend: 'local' });
    await post(session.id, 'terminal/pty/write', { ptyId, data: 'echo typed >typed; exit\n' });
    await swap(session.id, 'home');
    await eventually(
      'what was typed was run at home',
      async () => (await exec(session.id, 'cat typed || true')).stdout === 'typed\n',
    );
  });

  test('tells who watches its files, who comes back to the new box', async () => {
    const session = await create();
    await write(session.id, 'first', 'x');
    const stop = new AbortController();
    const seen: string[] = [];
    const watching = (async () => {
      const answer = await fetch(`${shared.client.url}${SESSIONS}/${session.id}/fs/watch`, {
        method: 'POST',
        headers: { authorization: `Bearer ${shared.token}`, 'content-type': 'application/json' },
        body: '{}',
        signal: stop.signal,
      });
      const decoder = new TextDecoder();
      for await (const chunk of answer.body!) seen.push(decoder.decode(chunk, { stream: true }));
    })().catch((error: unknown) => {
      if (!stop.signal.aborted) throw error;
    });
    const told = (text: string) => eventually(text, async () => seen.join('').includes(text));
    try {
      await told(': open');
      await eventually('a change at home', async () => {
        await write(session.id, 'at-home', 'x');
        return seen.join('').includes('at-home');
      });
      await swap(session.id, { backend: 'local' });
      await told('event: resync');
      // The stream has ended by itself.
      await watching;
    } finally {
      stop.abort();
      await watching;
    }
  });

  test('takes its workspace along when it is asked to', async () => {
    const session = await create();
    await write(session.id, 'dir/file', 'carried');
    const answer = await swap(session.id, { backend: 'local' }, { carry: true });
    expect(answer.receipt).toEqual({ kind: 'EXACT' });
    expect(await read(session.id, 'dir/file')).toMatchObject({
      content: 'carried',
      sandboxGroupId: answer.activeSandboxId,
    });
  });
});

test.each<[string, unknown, object, number, string]>([
  ['a group that is not there', { groupId: NOWHERE }, {}, 404, 'not-found'],
  ['a machine that is not there', { machineId: NOWHERE }, {}, 404, 'not-found'],
  ['a backend that this server lacks', { backend: 'modal' }, {}, 409, 'unsupported'],
  ['an image on a backend without images', { backend: 'local', image: 'debian' }, {}, 409, 'unsupported'],
  ['another epoch', { backend: 'local' }, { expectedEpoch: 5 }, 409, 'fenced'],
  ['no target', 'away', {}, 400, 'invalid'],
])('a swap to %s is refused and changes nothing', async (_, target, more, status, code) => {
  const session = await create();
  await expect(swap(session.id, target, more)).rejects.toMatchObject({ status, code });
  expect(await get(session.id)).toMatchObject({ activeSandboxId: null, activeEpoch: 0, liveness: 'cold' });
});

test('a swap of a session that is not there is a 404, and needs the permission to control sessions', async () => {
  await expect(swap(NOWHERE, 'home')).rejects.toMatchObject({ status: 404 });
  const { token } = await shared.client.json<{ token: string }>('POST', '/v1/workspaces/default/keys', {
    body: { name: 'reader', permissions: ['sessions:read', 'files:read', 'files:write'] },
  });
  const session = await create();
  const answer = await fetch(`${shared.client.url}${SESSIONS}/${session.id}/active-sandbox`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ target: 'home' }),
  });
  expect(answer.status).toBe(403);
});
