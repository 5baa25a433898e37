// Workspaces whose budget is used up while the agent works.
import type { Script } from '@boxyard/scripted-model';
import { eventually } from '@tooling/eventually';
import { expect, test } from 'vitest';
import { openStage, terminalOf } from './turns-stage.ts';

const exec = (cmd: string, callId: string) =>
  ({ kind: 'call', name: 'exec_command', arguments: { cmd, yield_time_ms: 300_000 }, callId }) as const;
const text = (said: string) => ({ kind: 'text', text: said }) as const;

test('a budget of tokens ends the turn before the next question, and there are turns again once it is raised', async () => {
  const stage = await openStage(({ step }) => (step < 2 ? [exec('true', `c${step}`)] : [text('Done.')]));
  await stage.worker();
  const { usage } = stage.store;
  await usage.setModelBudget(stage.workspaceId, 1);
  const turnId = await stage.post('Go');
  const turn = await stage.ended(turnId);
  expect(turn).toMatchObject({ status: 'failed', error: { code: 'over-budget' }, usage: { modelCalls: 1 } });
  expect(turn.error?.message).toMatch(/took \d+ tokens this month, and its budget is 1\. Raise the budget/);
  terminalOf(await stage.events(), turnId);
  const refused = await stage.ended(await stage.post('And now?'));
  expect(refused).toMatchObject({
    status: 'failed',
    error: { code: 'over-budget' },
    usage: { modelCalls: 0 },
  });
  await usage.setModelBudget(stage.workspaceId, null);
  expect((await stage.ended(await stage.post('And now?'))).status).toBe('completed');
});

test('a budget of seconds that is used up stops the box with its files in the middle of a command, and ends the turn', async () => {
  const script: Script = ({ userMessages }) => {
    if (userMessages.length === 1) return [exec('echo kept > file; touch begun; sleep 600', 'c1')];
    return [text('Done.')];
  };
  const stage = await openStage(script);
  await stage.worker();
  const { usage } = stage.store;
  const turnId = await stage.post('Go');
  await eventually('the command', async () => (await stage.file('begun')) !== null);
  await usage.setBudget(stage.workspaceId, 0);
  await stage.reaper.tick();
  expect(await stage.ended(turnId)).toMatchObject({ status: 'failed', error: { code: 'over-budget' } });
  const events = await stage.events();
  terminalOf(events, turnId);
  const last = events.findLast(({ type }) => type === 'tool.call.completed');
  expect(last?.payload).toMatchObject({ callId: 'c1', output: expect.stringMatching(/ended (?:with|from)/) });
  const session = await stage.sessions.get(stage.workspaceId, stage.sessionId);
  expect(session.liveness).toBe('cold');
  await expect(stage.file('file')).rejects.toMatchObject({ code: 'over-budget' });
  await usage.setBudget(stage.workspaceId, null);
  expect(await stage.file('file')).toBe('kept\n');
  expect((await stage.ended(await stage.post('And now?'))).status).toBe('completed');
});
