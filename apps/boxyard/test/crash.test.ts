import { randomUUID } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '@tooling/eventually';
import { describe, expect, test } from 'vitest';
import type { ApiClient } from './raw-api.ts';
import { deleteSessions, startTestServer, temporaryDataDir } from './test-server.ts';

interface SessionAnswer {
  readonly id: string;
  readonly sandboxGroupId: string;
  readonly leaseEpoch: number;
}

interface ExecAnswer {
  readonly stdout: string;
  readonly exitCode: number | null;
  readonly running: boolean;
}

const newSession = (client: ApiClient) =>
  client.json<SessionAnswer>('POST', '/v1/workspaces/default/sessions', { body: {} });

const at = (session: SessionAnswer, path: string) => `/v1/workspaces/default/sessions/${session.id}/${path}`;

const exec = (client: ApiClient, session: SessionAnswer, body: object) =>
  client.json<ExecAnswer>('POST', at(session, 'terminal/exec'), { body });

async function followOp(client: ApiClient, session: SessionAnswer, opId: string) {
  let stdout = '';
  for await (const event of client.events(at(session, `ops/${opId}/stream`))) {
    const message = JSON.parse(event.data) as {
      stream?: string;
      chunk?: string;
      exitCode?: number;
      lost?: string;
    };
    if (message.stream === 'stdout') stdout += message.chunk;
    if (message.exitCode !== undefined || message.lost !== undefined) return { ...message, stdout };
  }
  throw new Error('The stream ended without an end.');
}

describe('a server that was killed and started again', () => {
  test('has the same box, shows what a command did meanwhile, and streams on what still runs', async () => {
    const dataDir = await temporaryDataDir();
    const first = await startTestServer(dataDir);
    const session = await newSession(first.client);
    await first.client.json('POST', at(session, 'fs/write'), { body: { path: 'kept.txt', content: 'kept' } });
    const ended = randomUUID();
    const running = randomUUID();
    // The first ends once the server is dead, which it sees by the file that only we make; the other runs on.
    await exec(first.client, session, {
      opId: ended,
      command: 'seq 1 20000; while [ ! -e go ]; do sleep 0.05; done; seq 20001 40000; exit 7',
      background: true,
      waitMs: 0,
      timeoutMs: 600_000,
    });
    await exec(first.client, session, {
      opId: running,
      command: 'echo before; while [ ! -e finish ]; do sleep 0.05; done; echo after; exit 3',
      background: true,
      waitMs: 0,
      timeoutMs: 600_000,
    });
    const workspace = join(dataDir, 'boxes', session.sandboxGroupId, 'workspace');
    await first.kill();
    await writeFile(join(workspace, 'go'), '');

    const second = await startTestServer(dataDir);
    const all = Array.from({ length: 40_000 }, (_, index) => `${index + 1}\n`).join('');
    const outcome = await followOp(second.client, session, ended);
    expect(outcome.exitCode).toBe(7);
    expect(outcome.stdout).toBe(all);

    const following = followOp(second.client, session, running);
    await exec(second.client, session, { command: 'touch finish' });
    expect(await following).toMatchObject({ exitCode: 3, stdout: 'before\nafter\n' });

    const read = await second.client.json<{ content: string }>('POST', at(session, 'fs/read'), {
      body: { path: 'kept.txt' },
    });
    expect(read.content).toBe('kept');
    const now = await second.client.json<SessionAnswer>('GET', at(session, '').slice(0, -1));
    expect(now.sandboxGroupId).toBe(session.sandboxGroupId);
    expect(await readdir(join(dataDir, 'boxes'))).toEqual([session.sandboxGroupId]);
    await deleteSessions(second.client);
    await second.terminate();
  });

  test('says unknown of a command whose record is gone, and never runs it again', async () => {
    const dataDir = await temporaryDataDir();
    const first = await startTestServer(dataDir);
    const session = await newSession(first.client);
    const opId = randomUUID();
    const body = {
      opId,
      command: 'echo once >>runs; sleep 600',
      background: true,
      waitMs: 0,
      timeoutMs: 600_000,
    };
    await exec(first.client, session, body);
    const workspace = join(dataDir, 'boxes', session.sandboxGroupId, 'workspace');
    await eventually('the command began', () => readFile(join(workspace, 'runs'), 'utf8').catch(() => null));
    await first.kill();
    await rm(join(dataDir, 'boxes', session.sandboxGroupId, 'spool'), { recursive: true, force: true });

    const second = await startTestServer(dataDir);
    const outcome = await followOp(second.client, session, opId);
    expect(outcome.lost).toBeTruthy();
    expect(outcome.exitCode).toBeUndefined();
    expect(await readFile(join(workspace, 'runs'), 'utf8')).toBe('once\n');
    await deleteSessions(second.client);
    await second.terminate();
  });

  test('has either the old or the new file after a kill in the middle of writes', async () => {
    const dataDir = await temporaryDataDir();
    const first = await startTestServer(dataDir);
    const session = await newSession(first.client);
    const contents = ['a', 'b'].map((letter) => letter.repeat(300_000));
    const write = (content: string) =>
      first.client.json('POST', at(session, 'fs/write'), { body: { path: 'file.txt', content } });
    await write(contents[0]!);
    // Writes go on until the connection breaks under one of them.
    let written = 0;
    const writing = (async () => {
      for (let round = 1; ; round++) {
        await write(contents[round % 2]!);
        written = round;
      }
    })().catch(() => undefined);
    await eventually('three writes', async () => written >= 3);
    await first.kill();
    await writing;

    const second = await startTestServer(dataDir);
    const read = await second.client.json<{ content: string }>('POST', at(session, 'fs/read'), {
      body: { path: 'file.txt' },
    });
    expect(contents).toContain(read.content);
    const workspace = join(dataDir, 'boxes', session.sandboxGroupId, 'workspace');
    await second.client.json('POST', at(session, 'fs/write'), { body: { path: 'file.txt', content: 'new' } });
    expect((await readdir(workspace)).filter((name) => !name.startsWith('.'))).toEqual(['file.txt']);
    await deleteSessions(second.client);
    await second.terminate();
  });

  test('makes no second box after a kill in the middle of a create', async () => {
    const dataDir = await temporaryDataDir();
    const first = await startTestServer(dataDir);
    const session = await newSession(first.client);
    const opening = exec(first.client, session, { command: 'true' }).catch(() => undefined);
    const boxes = join(dataDir, 'boxes');
    await eventually('the box is being made', async () =>
      (await readdir(boxes).catch((): string[] => [])).includes(session.sandboxGroupId),
    );
    await first.kill();
    await opening;

    const second = await startTestServer(dataDir);
    expect(await exec(second.client, session, { command: 'echo here' })).toMatchObject({
      stdout: 'here\n',
      exitCode: 0,
    });
    expect(await readdir(boxes)).toEqual([session.sandboxGroupId]);
    await deleteSessions(second.client);
    expect(await readdir(boxes)).toEqual([]);
    await second.terminate();
  });

  test('answers a repeated create with the same session', async () => {
    const dataDir = await temporaryDataDir();
    const first = await startTestServer(dataDir);
    const create = (client: ApiClient, body: object = { name: 'one' }) =>
      client.json<SessionAnswer>('POST', '/v1/workspaces/default/sessions', {
        body,
        headers: { 'idempotency-key': 'create-1' },
      });
    const made = await create(first.client);
    await first.kill();
    const second = await startTestServer(dataDir);
    expect((await create(second.client)).id).toBe(made.id);
    await expect(create(second.client, { name: 'other' })).rejects.toMatchObject({ status: 422 });
    await deleteSessions(second.client);
    await second.terminate();
  });
});
