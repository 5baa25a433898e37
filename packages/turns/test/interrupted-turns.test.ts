// Turns that are cancelled, wait for a person, are let go of, or lose their worker.
import type { Script } from '@boxyard/scripted-model';
import { eventually } from '@tooling/eventually';
import { v7 as uuidv7 } from 'uuid';
import { expect, test, vi } from 'vitest';
import { opIdOf } from '../src/call-scope.ts';
import { openStage, type TurnsStage, terminalOf } from './turns-stage.ts';

const exec = (cmd: string, callId: string, yieldTimeMs = 30_000) =>
  ({ kind: 'call', name: 'exec_command', arguments: { cmd, yield_time_ms: yieldTimeMs }, callId }) as const;
const text = (said: string) => ({ kind: 'text', text: said }) as const;

const holder = () => ({ kind: 'request', id: uuidv7(), subject: 'test' }) as const;
const openBox = ({ boxes, workspaceId, sessionId }: TurnsStage) =>
  boxes.open(workspaceId, sessionId, holder());
const begun = (stage: TurnsStage, path = 'begun') =>
  eventually(`the file ${path}`, () => stage.file(path).then((found) => found !== null));
const cancel = ({ turns, workspaceId, sessionId }: TurnsStage, turnId: string) =>
  turns.cancel(workspaceId, sessionId, turnId);

/** Whether a process that wrote its id there still runs. */
async function runs(stage: TurnsStage, path: string): Promise<boolean> {
  const pid = Number(await stage.file(path));
  expect(pid).toBeGreaterThan(1);
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('a cancelled turn ends its commands, keeps what they printed, and the next turn knows of it', async () => {
  const told: string[] = [];
  const script: Script = ({ step, allToolAnswers }) => {
    told.splice(0, told.length, ...allToolAnswers.map((answer) => answer.text));
    if (step === 0) return [exec('echo $$ > server; exec sleep 600', 'c1', 100)];
    if (step === 1) return [exec('echo partial; echo $$ > begun; exec sleep 600', 'c2', 300_000)];
    return [text('Fine.')];
  };
  const stage = await openStage(script);
  await stage.worker();
  const turnId = await stage.post('Wait');
  await begun(stage);
  await cancel(stage, turnId);
  expect((await stage.ended(turnId)).status).toBe('cancelled');
  const events = await stage.events();
  terminalOf(events, turnId);
  const last = events.findLast(({ type }) => type === 'tool.call.completed');
  expect(last?.payload).toMatchObject({ callId: 'c2', output: expect.stringContaining('partial') });
  await eventually(
    'the end of both commands',
    async () => !(await runs(stage, 'begun')) && !(await runs(stage, 'server')),
  );
  expect((await stage.ended(await stage.post('And now?'))).status).toBe('completed');
  expect(told).toEqual([
    expect.stringContaining('running with session ID'),
    expect.stringContaining('partial'),
  ]);
});

test('a model that hangs does not hold up the end of its turn', async () => {
  const stage = await openStage(() => [text('I think'), { kind: 'pause', ms: 600_000 }]);
  await stage.worker();
  const turnId = await stage.post('Think');
  await eventually('the first words', async () =>
    (await stage.events()).some(({ type }) => type === 'model.text.delta'),
  );
  await cancel(stage, turnId);
  expect((await stage.ended(turnId)).status).toBe('cancelled');
  terminalOf(await stage.events(), turnId);
});

test('a turn that nobody has taken up is cancelled at once', async () => {
  const stage = await openStage(() => [text('Never')]);
  const turnId = await stage.post('Go');
  expect((await cancel(stage, turnId)).status).toBe('cancelled');
  await stage.worker();
  expect((await stage.ended(await stage.post('Other'))).status).toBe('completed');
  expect(terminalOf(await stage.events(), turnId).type).toBe('turn.cancelled');
});

test('a turn that is cancelled while it is about to wait for a person does not wait', async () => {
  const stage = await openStage(() => [exec('true', 'c1')]);
  const { turns } = stage.store;
  const park = turns.park.bind(turns);
  const parking = vi.spyOn(turns, 'park').mockImplementationOnce(async (attempt, ...more) => {
    await cancel(stage, attempt.turnId);
    await park(attempt, ...more);
  });
  await stage.worker();
  const turnId = await stage.post('Go', { approvals: ['exec_command'] });
  expect((await stage.ended(turnId)).status).toBe('cancelled');
  expect(parking).toHaveBeenCalledOnce();
  terminalOf(await stage.events(), turnId);
});

test('a call waits for a person, in no worker, and another worker goes on as it was decided', async () => {
  const told: string[][] = [];
  const script: Script = ({ step, toolAnswers, userMessages }) => {
    told.push([...userMessages, ...toolAnswers.map((answer) => answer.text)]);
    if (step === 0) return [exec('while [ ! -e go ]; do sleep 0.05; done', 'c0')];
    if (step === 1) {
      return [
        { kind: 'patch', operation: { type: 'create_file', path: 'yes', diff: '+x\n' }, callId: 'c1' },
        { kind: 'patch', operation: { type: 'create_file', path: 'no', diff: '+x\n' }, callId: 'c2' },
      ];
    }
    return [text('Done.')];
  };
  const stage = await openStage(script);
  const first = await stage.worker();
  const turnId = await stage.post('Patch', { approvals: ['apply_patch'] });
  await eventually('the first call', async () =>
    (await stage.events()).some(({ type }) => type === 'tool.call.started'),
  );
  await stage.post('More');
  {
    await using active = await openBox(stage);
    await active.box.files.write('go', new Uint8Array());
  }
  const waiting = await eventually('the turn that waits', async () => {
    const turn = await stage.turn(turnId);
    return turn.status === 'waiting' ? turn : null;
  });
  expect(waiting.approvals.map(({ callId, decision }) => [callId, decision])).toEqual([
    ['c1', null],
    ['c2', null],
  ]);
  await eventually('a worker without work', async () => first.running === 0);
  await first[Symbol.asyncDispose]();
  await stage.worker();
  const { workspaceId, sessionId } = stage;
  const [yes, no] = waiting.approvals.map(({ id }) => ({ workspaceId, sessionId, approvalId: id }));
  await stage.turns.decide(no!, { decision: 'reject' }, 'somebody');
  await stage.turns.decide(yes!, { decision: 'approve' }, 'somebody');
  expect(await stage.ended(turnId)).toMatchObject({ status: 'completed', attempt: 2 });
  expect(await stage.file('yes')).toBe('x\n');
  expect(await stage.file('no')).toBeNull();
  expect(told).toHaveLength(3);
  expect(told[2]?.slice(0, 2)).toEqual(['Patch', 'More']);
  const events = await stage.events();
  terminalOf(events, turnId);
  expect(events.filter(({ type }) => type.startsWith('approval.')).map(({ type }) => type)).toEqual([
    'approval.requested',
    'approval.requested',
    'approval.resolved',
    'approval.resolved',
  ]);
  // The next turn is told the same: the refusal is in the journal.
  expect((await stage.ended(await stage.post('Next'))).status).toBe('completed');
  expect(stage.troubles).toEqual([]);
});

test('a worker that is asked to end lets its command go on, and the next one finds it', async () => {
  const told: string[] = [];
  const script: Script = ({ step, toolAnswers }) => {
    told.push(...toolAnswers.map((answer) => answer.text));
    if (step > 0) return [text('Done.')];
    return [
      exec(
        'echo $$ > begun; while [ ! -e go ]; do sleep 0.05; done; echo line | tee -a lines',
        'c1',
        300_000,
      ),
    ];
  };
  const stage = await openStage(script);
  const first = await stage.worker();
  const turnId = await stage.post('Go');
  await begun(stage);
  await first[Symbol.asyncDispose]();
  expect(await runs(stage, 'begun')).toBe(true);
  await stage.worker({ resumeWaitMs: 60_000 });
  await eventually('the second attempt', async () => (await stage.turn(turnId)).attempt === 2);
  await using active = await openBox(stage);
  await active.box.files.write('go', new Uint8Array());
  expect(await stage.ended(turnId)).toMatchObject({ status: 'completed', attempt: 2 });
  expect(told).toEqual([expect.stringMatching(/Process exited with code 0\nOutput:\nline\n$/)]);
  expect(await stage.file('lines')).toBe('line\n');
  terminalOf(await stage.events(), turnId);
});

test('what a worker told of an answer, and did not live to write down, is taken back once', async () => {
  const stage = await openStage(() => [text('All of it.')]);
  const { turns, setClockOffset } = stage.store;
  const turnId = await stage.post('Go');
  const first = (await turns.claim(turnId, 'dead', 20_000))!.attempt;
  await turns.takeMessages(first);
  const half = { type: 'model.text.delta', data: { text: 'Half of', answer: 1 }, turnId };
  await turns.tell(first, [half]);
  await setClockOffset(60_000);
  // One that dies before it comes to the model: there is nothing more to take back after it.
  const second = (await turns.claim(turnId, 'dead too', 20_000))!.attempt;
  expect(await turns.brokenAnswer(second)).toBe(1);
  await turns.tell(second, [
    { type: 'model.text.superseded', data: { answer: 1, reason: 'Another worker.' }, turnId },
  ]);
  await setClockOffset(120_000);
  await stage.worker();
  expect(await stage.ended(turnId)).toMatchObject({ status: 'completed', attempt: 3 });
  const told = (await stage.events()).filter(({ type }) => type.startsWith('model.text'));
  expect(told.map(({ type, payload }) => [type, Reflect.get(payload, 'text')])).toEqual([
    ['model.text.delta', 'Half of'],
    ['model.text.superseded', undefined],
    ['model.text.delta', 'All of it.'],
  ]);
});

test('what a dead worker left open is found again, said to be unknown, or said not to have begun', async () => {
  const told: string[] = [];
  const script: Script = ({ toolAnswers }) => {
    told.push(...toolAnswers.map((answer) => answer.text));
    return [text('Done.')];
  };
  const stage = await openStage(script);
  const { store } = stage;
  const turnId = await stage.post('Go');
  const { attempt } = (await store.turns.claim(turnId, 'dead', 20_000))!;
  await store.turns.takeMessages(attempt);
  const output = ['ran', 'vanished', 'never'].map((callId) => ({
    type: 'function_call',
    callId,
    name: 'exec_command',
    arguments: '{"cmd":"echo line >> lines"}',
    status: 'completed',
  }));
  await store.turns.record(attempt, [{ kind: 'response', body: { output } }]);
  for (const callId of ['ran', 'vanished']) {
    const body = { tool: 'exec_command', opId: opIdOf(turnId, callId) };
    await store.turns.record(attempt, [{ kind: 'call', callId, body }]);
  }
  {
    await using active = await openBox(stage);
    const id = opIdOf(turnId, 'ran');
    await active.box.spawn({ id, program: { script: 'echo line >> lines; exit 4' }, output: 'merged' });
  }
  // It beats no more: after its time the turn is anybody's.
  await store.setClockOffset(60_000);
  await stage.worker();
  expect(await stage.ended(turnId)).toMatchObject({ status: 'completed', attempt: 2 });
  expect(told).toEqual([
    expect.stringContaining('Process exited with code 4'),
    expect.stringMatching(/^Outcome unknown/),
    expect.stringMatching(/^Not started/),
  ]);
  expect(await stage.file('lines')).toBe('line\n');
  const types = (await stage.events()).map(({ type }) => type as string);
  expect(types).not.toContain('model.text.superseded');
  await expect(store.turns.record(attempt, [])).rejects.toMatchObject({ code: 'fenced' });
});
