// The agent over HTTP: messages, events, what a server without a model says, and a server that is killed.
import { type Script, type ScriptedModel, startScriptedModel } from '@boxyard/scripted-model';
import { eventually } from '@tooling/eventually';
import { expect, onTestFinished, test } from 'vitest';
import type { ApiClient } from './raw-api.ts';
import { openSharedDatabase } from './shared-database.ts';
import { startSharedServer } from './shared-server.ts';
import { deleteSessions, startTestServer, temporaryDataDir } from './test-server.ts';

const SESSIONS = '/v1/workspaces/default/sessions';

interface TurnAnswer {
  readonly status: string;
  readonly attempt: number;
  readonly approvals: readonly { readonly id: string; readonly arguments: string }[];
}

interface EventAnswer {
  readonly type: string;
  readonly turnId?: string;
  readonly payload: { readonly text?: string };
}

async function playing(script: Script): Promise<ScriptedModel> {
  const model = await startScriptedModel({ script });
  onTestFinished(() => model.close());
  return model;
}

const modelOf = ({ baseUrl }: ScriptedModel) => ({
  BOXYARD_MODEL_BASE_URL: baseUrl,
  BOXYARD_MODEL: 'scripted',
});

const create = async (client: ApiClient) =>
  (await client.json<{ id: string }>('POST', SESSIONS, { body: {} })).id;
const post = async (client: ApiClient, id: string, body: object) =>
  (await client.json<{ turnId: string }>('POST', `${SESSIONS}/${id}/messages`, { body })).turnId;
const turnOf = (client: ApiClient, id: string, turnId: string) =>
  client.json<TurnAnswer>('GET', `${SESSIONS}/${id}/turns/${turnId}`);
const eventsOf = async (client: ApiClient, id: string) =>
  (await client.json<{ items: EventAnswer[] }>('GET', `${SESSIONS}/${id}/events?limit=1000`)).items;
const reaching = (client: ApiClient, id: string, turnId: string, status: string) =>
  eventually(`the turn with status ${status}`, async () => {
    const turn = await turnOf(client, id, turnId);
    return turn.status === status ? turn : null;
  });
const exec = (cmd: string) =>
  ({ kind: 'call', name: 'exec_command', arguments: { cmd, yield_time_ms: 60_000 } }) as const;

test('a server without a model names the settings, and the session goes on without an agent', async () => {
  const shared = await startSharedServer();
  onTestFinished(() => shared.stop());
  const id = await create(shared.client);
  const refused = post(shared.client, id, { text: 'Hi' });
  await expect(refused).rejects.toMatchObject({ code: 'unsupported', status: 409 });
  await expect(refused).rejects.toThrow(/BOXYARD_MODEL_BASE_URL and BOXYARD_MODEL/);
});

test('a message runs the agent, an approval lets it go on, and cancelling ends it', async () => {
  const model = await playing(({ userMessages, toolAnswers }) => {
    if (userMessages.length > 1) return [exec('sleep 600')];
    return toolAnswers.length === 0 ? [exec('echo from the box')] : [{ kind: 'text', text: 'It said so.' }];
  });
  const shared = await startSharedServer(modelOf(model));
  onTestFinished(() => shared.stop());
  const { client } = shared;
  const id = await create(client);
  const turnId = await post(client, id, { text: 'Say it', approvals: ['exec_command'] });
  const { approvals } = await reaching(client, id, turnId, 'waiting');
  expect(approvals[0]?.arguments).toContain('echo from the box');
  const decide = (decision: string) =>
    client.json('POST', `${SESSIONS}/${id}/approvals/${approvals[0]?.id}`, { body: { decision } });
  expect(await decide('approve')).toMatchObject({ decision: 'approved' });
  await reaching(client, id, turnId, 'completed');
  expect(await decide('approve')).toMatchObject({ decision: 'approved' });
  await expect(decide('reject')).rejects.toMatchObject({ status: 409, code: 'conflict' });
  const events = (await eventsOf(client, id)).filter((event) => event.turnId === turnId);
  const kinds = events.map(({ type }) => type);
  expect(kinds).toEqual([
    'turn.message',
    'turn.started',
    'turn.usage',
    'approval.requested',
    'approval.resolved',
    'turn.started',
    'tool.call.started',
    'tool.call.output.delta',
    'tool.call.completed',
    'model.text.delta',
    'turn.usage',
    'turn.completed',
  ]);
  expect((await eventsOf(client, id)).map(({ type }) => type)).toContain('sandbox.created');
  const taken = { modelCalls: 2, inputTokens: expect.any(Number), outputTokens: expect.any(Number) };
  const usageOf = (of: string) => client.json<{ model: object }>('GET', `${of}/usage`);
  expect((await usageOf(`${SESSIONS}/${id}`)).model).toEqual(taken);
  expect(await usageOf('/v1/workspaces/default')).toMatchObject({
    model: taken,
    budget: { modelTokens: null, usedModelTokens: expect.any(Number) },
  });
  const second = await post(client, id, { text: 'Sleep' });
  await eventually('the second command', async () =>
    (await eventsOf(client, id)).some(
      (event) => event.type === 'tool.call.started' && event.turnId === second,
    ),
  );
  await client.json('POST', `${SESSIONS}/${id}/turns/${second}/cancel`, { body: {} });
  await reaching(client, id, second, 'cancelled');
});

test('a server that is killed in the middle of a command: another one ends the turn, and the command ran once', {
  timeout: 120_000,
}, async () => {
  const told: string[] = [];
  const model = await playing(({ step, toolAnswers }) => {
    told.push(...toolAnswers.map(({ text }) => text));
    if (step > 0) return [{ kind: 'text', text: 'Done.' }];
    return [exec('echo line >> lines; touch begun; while [ ! -e go ]; do sleep 0.05; done; echo over')];
  });
  const { url } = await openSharedDatabase();
  const dataDir = await temporaryDataDir();
  const env = {
    ...modelOf(model),
    BOXYARD_DATABASE_URL: url,
    BOXYARD_TURN_HEARTBEAT_MS: '500',
    BOXYARD_TURN_TTL_MS: '3000',
  };
  const first = await startTestServer(dataDir, env);
  const id = await create(first.client);
  const turnId = await post(first.client, id, { text: 'Go' });
  await eventually('the command', async () => {
    const listed = await first.client.json('POST', `${SESSIONS}/${id}/fs/list`, { body: { path: '' } });
    return JSON.stringify(listed).includes('begun');
  });
  await first.kill();

  const { client } = await startTestServer(dataDir, env);
  onTestFinished(() => deleteSessions(client));
  await eventually('the second attempt', async () => (await turnOf(client, id, turnId)).attempt === 2);
  await client.json('POST', `${SESSIONS}/${id}/fs/write`, { body: { path: 'go', content: '' } });
  await reaching(client, id, turnId, 'completed');
  const { content } = await client.json<{ content: string }>('POST', `${SESSIONS}/${id}/fs/read`, {
    body: { path: 'lines' },
  });
  expect(content).toBe('line\n');
  expect(told).toHaveLength(1);
  expect(told[0]).toMatch(/Process (exited with code 0|running with session ID)/);
  const terminal = ['turn.completed', 'turn.failed', 'turn.cancelled'];
  const ends = (await eventsOf(client, id)).filter(({ type }) => terminal.includes(type));
  expect(ends.map(({ type }) => type)).toEqual(['turn.completed']);
});
