// A walk of docs/architecture.md: an agent turn changes machine midway.
import type { SessionEvent } from '@boxyard/client';
import { type ScriptedRequest, startScriptedModel } from '@boxyard/scripted-model';
import { eventually } from '@tooling/eventually';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type SharedServer, startSharedServer } from '../shared-server.ts';
import { savedAndFreed } from './saved-and-freed.ts';

const exec = (cmd: string, more: object = {}) =>
  ({
    kind: 'call',
    name: 'exec_command',
    arguments: { cmd, yield_time_ms: 30_000, ...more },
  }) as const;
const call = (name: string, given: object) => ({ kind: 'call', name, arguments: { ...given } }) as const;

/** What the model asks for, one thing after the other, and what it was told of each. */
const told: string[] = [];
const asked: ScriptedRequest[] = [];
const devServer = () => Number(/session ID (\d+)/.exec(told[1] ?? '')?.[1]);
const STEPS = [
  () => exec('echo A > where; pwd'),
  () =>
    exec('echo $$ > server.pid; while read -r line; do echo "$line" >> served; done', { yield_time_ms: 250 }),
  () => call('swap_sandbox', { target: 'local', carry: false }),
  () => exec('cat where || echo not here; echo B > where; pwd'),
  () => call('write_stdin', { session_id: devServer(), chars: 'said after the swap\n', yield_time_ms: 250 }),
  () =>
    ({
      kind: 'patch',
      operation: { type: 'create_file', path: 'patched', diff: '+on B\n' },
    }) as const,
];

describe('An agent turn changes machine midway', () => {
  let shared: SharedServer;
  let model: Awaited<ReturnType<typeof startScriptedModel>>;
  let sessionId: string;
  let events: readonly SessionEvent[];
  beforeAll(async () => {
    model = await startScriptedModel({
      script: (request) => {
        asked.push(request);
        told.push(...request.toolAnswers.map(({ text }) => text));
        const next = STEPS[request.step];
        return [next === undefined ? { kind: 'text', text: 'Done.' } : next()];
      },
    });
    shared = await startSharedServer({
      BOXYARD_MODEL_BASE_URL: model.baseUrl,
      BOXYARD_MODEL: 'scripted',
      BOXYARD_REQUEST_LINGER_MS: '0',
    });
  });
  afterAll(async () => {
    await shared?.stop();
    await model?.close();
  });
  const session = () => shared.boxyard.session(sessionId);
  const swap = (target: 'home' | { groupId: string }) =>
    shared.boxyard.api.workspace.sessions.swap(sessionId, { target });
  const freed = () => savedAndFreed(session());
  const ofTurn = (type: SessionEvent['type']) => events.filter((event) => event.type === type);

  test('the worker opens the box and gives the SDK one object; the turn runs to its end', async () => {
    sessionId = (await shared.boxyard.sessions.create()).keep().id;
    const { turnId } = await session().api.turns.post({ text: 'Move while you work.' });
    const turn = await eventually('the end of the turn', async () => {
      const found = await session().api.turns.get(turnId);
      return found.endedAt === null ? null : found;
    });
    expect(turn).toMatchObject({ status: 'completed', attempt: 1 });
    events = (await session().events.list({ limit: 1000 })).items;
  });

  test('the first command went to box A, and a dev server was left running there', () => {
    expect(told[0]).toMatch(/Process exited with code 0/);
    expect(told[1]).toMatch(/Process running with session ID \d+/);
  });

  test('the swap tool proved the target, moved the pointer, and said so', () => {
    expect(told[2]).toMatch(/^This session works in \S+ now/);
    expect(ofTurn('sandbox.swapped')).toHaveLength(1);
  });

  test('the next command landed on box B', () => {
    expect(told[3]).toContain('not here');
  });

  test('the SDK noticed nothing: one agent, one root, the same tools before and after', () => {
    const [first, ...later] = asked;
    for (const { tools, instructions } of later) {
      expect(tools).toEqual(first?.tools);
      expect(instructions).toBe(first?.instructions);
    }
    expect(ofTurn('turn.started')).toHaveLength(1);
  });

  test('stdin of the dev server still reached A, while the patch went to B', async () => {
    expect(told[4]).toMatch(/Process running with session ID/);
    const list = async () => (await session().exec('ls; cat where')).stdout.split('\n').filter(Boolean);
    expect(await list()).toEqual(['patched', 'where', 'B']);
    await swap('home');
    expect(await list()).toEqual(['served', 'server.pid', 'where', 'A']);
    expect((await session().exec('cat served')).stdout).toBe('said after the swap\n');
  });

  test('at the end of the turn its handles were closed and its holder was released', async () => {
    // A process of A is no handle of the turn: it stays.
    expect((await session().exec('kill -0 "$(cat server.pid)"')).exitCode).toBe(0);
    // Without force a box is saved and freed only when nothing keeps it.
    await freed();
    const [swapped] = ofTurn('sandbox.swapped');
    if (swapped?.type !== 'sandbox.swapped' || swapped.payload.to === null) throw new Error('It went to B.');
    await swap({ groupId: swapped.payload.to });
    await freed();
  });
});
