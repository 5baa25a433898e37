import { eventually } from '@tooling/eventually';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiProblem } from './raw-api.ts';
import { type SharedServer, startSharedServer } from './shared-server.ts';

interface SessionAnswer {
  readonly id: string;
  readonly sandboxGroupId: string;
  readonly liveness: string;
  readonly leaseEpoch: number;
  readonly metadata: Record<string, string>;
}

const SESSIONS = '/v1/workspaces/default/sessions';
let shared: SharedServer;
beforeAll(async () => {
  shared = await startSharedServer();
});
afterAll(() => shared.stop());

const create = (body: object = {}) => shared.client.json<SessionAnswer>('POST', SESSIONS, { body });
const get = (id: string) => shared.client.json<SessionAnswer>('GET', `${SESSIONS}/${id}`);
const exec = (id: string, command: string, more: object = {}) =>
  shared.client.json<{ stdout: string; exitCode: number | null; running: boolean; opId: string }>(
    'POST',
    `${SESSIONS}/${id}/terminal/exec`,
    { body: { command, ...more } },
  );

describe('a session', () => {
  test('has no box until the first operation needs one', async () => {
    const made = await create({ metadata: { team: 'a' } });
    expect(made).toMatchObject({ liveness: 'cold', leaseEpoch: 0, metadata: { team: 'a' } });
    expect((await exec(made.id, 'pwd')).exitCode).toBe(0);
    expect(await get(made.id)).toMatchObject({ liveness: 'warm', leaseEpoch: 1 });
    const started = await create({ start: true });
    expect(started.liveness).toBe('warm');
  });

  test('is found by its metadata, page by page', async () => {
    const made = [];
    for (let index = 0; index < 5; index++) made.push((await create({ metadata: { page: 'x' } })).id);
    const seen: string[] = [];
    for (let cursor: string | null = null, first = true; first || cursor !== null; first = false) {
      const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page: { items: SessionAnswer[]; nextCursor: string | null } = await shared.client.json(
        'GET',
        `${SESSIONS}?limit=2&metadata.page=x${query}`,
      );
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    expect(seen).toEqual(made.reverse());
  });

  test('shares its box with another that joins its group, and the box goes with the last', async () => {
    const first = await create();
    await exec(first.id, 'echo shared >file');
    const second = await create({ sandbox: { groupId: first.sandboxGroupId } });
    expect((await exec(second.id, 'cat file')).stdout).toBe('shared\n');
    await shared.client.json('DELETE', `${SESSIONS}/${first.id}`);
    expect((await exec(second.id, 'cat file')).stdout).toBe('shared\n');
    await shared.client.json('DELETE', `${SESSIONS}/${second.id}`);
    await expect(get(second.id)).rejects.toMatchObject({ status: 404 });
    await shared.client.json('DELETE', `${SESSIONS}/${second.id}`);
  });

  test('is paused when nothing keeps its box, or by force, and woken by the next operation', async () => {
    const made = await create();
    await exec(made.id, 'echo kept >file');
    const { opId } = await exec(made.id, 'sleep 600', { background: true, waitMs: 0, timeoutMs: 600_000 });
    const refused = await shared.client
      .json('POST', `${SESSIONS}/${made.id}/pause`, { body: {} })
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ApiProblem);
    expect(refused).toMatchObject({ status: 409, code: 'conflict' });
    const paused = await shared.client.json<SessionAnswer>('POST', `${SESSIONS}/${made.id}/pause`, {
      body: { force: true },
    });
    expect(paused.liveness).toBe('cold');
    expect((await exec(made.id, 'cat file')).stdout).toBe('kept\n');
    const op = await eventually('the command that was stopped is told as ended', async () => {
      const found = await shared.client.json<{ state: string }>('GET', `${SESSIONS}/${made.id}/ops/${opId}`);
      return found.state === 'running' ? null : found;
    });
    expect(op.state).not.toBe('running');
  });

  test('tells what happens in it as a stream that goes on where it was left', async () => {
    const made = await create();
    await shared.client.json('POST', `${SESSIONS}/${made.id}/fs/write`, {
      body: { path: 'a', content: '1' },
    });
    const stop = new AbortController();
    const types: string[] = [];
    let last = '';
    try {
      for await (const event of shared.client.events(`${SESSIONS}/${made.id}/events`, {
        signal: stop.signal,
      })) {
        types.push(event.event ?? '');
        last = event.id ?? '';
        if (event.event === 'fs.changed') stop.abort();
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    }
    expect(types[0]).toBe('session.created');
    await exec(made.id, 'echo hello');
    const again = new AbortController();
    const later: string[] = [];
    try {
      const request = { signal: again.signal, headers: { 'last-event-id': last } };
      for await (const event of shared.client.events(`${SESSIONS}/${made.id}/events`, request)) {
        later.push(event.event ?? '');
        if (event.event === 'sandbox.command.exited') again.abort();
      }
    } catch (error) {
      if (!again.signal.aborted) throw error;
    }
    expect(later).toContain('sandbox.command.started');
    expect(later).toContain('sandbox.command.output.delta');
    expect(later).not.toContain('session.created');
  });
});
