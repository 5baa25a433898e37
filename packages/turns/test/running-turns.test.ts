// Turns from a message to their end, with a real model server, real boxes and a real record.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Script } from '@boxyard/scripted-model';
import { eventually } from '@tooling/eventually';
import { expect, test, vi } from 'vitest';
import { openStage, terminalOf } from './turns-stage.ts';

const call = (cmd: string, callId: string, more: object = {}) =>
  ({
    kind: 'call',
    name: 'exec_command',
    arguments: { cmd, yield_time_ms: 30_000, ...more },
    callId,
  }) as const;
const text = (said: string, chunkLength?: number) =>
  ({ kind: 'text', text: said, ...(chunkLength === undefined ? {} : { chunkLength }) }) as const;

test('a turn that needs no box makes none', async () => {
  const stage = await openStage(({ userMessages }) => [text(`You said: ${userMessages.join(' / ')}`)]);
  await stage.worker();
  const first = await stage.post('Hello');
  expect(await stage.ended(first)).toMatchObject({
    status: 'completed',
    attempt: 1,
    usage: { modelCalls: 1 },
  });
  const second = await stage.post('Again');
  await stage.ended(second);
  const events = await stage.events();
  terminalOf(events, first);
  terminalOf(events, second);
  const said = events.flatMap((event) => (event.type === 'model.text.delta' ? [event.payload.text] : []));
  expect(said.join('')).toBe('You said: HelloYou said: Hello / Again');
  expect(events.some(({ type }) => type.startsWith('sandbox.'))).toBe(false);
  expect((await stage.sessions.get(stage.workspaceId, stage.sessionId)).liveness).toBe('cold');
  expect(stage.troubles).toEqual([]);
});

test('commands and patches work in one box, and every step is told in order', async () => {
  const answers: string[] = [];
  const script: Script = ({ step, toolAnswers }) => {
    answers.push(...toolAnswers.map((answer) => answer.text));
    if (step === 0) return [call('printf "one\\n" > a.txt; pwd', 'c1')];
    if (step === 1) {
      const diff = '@@\n-one\n+two\n';
      return [{ kind: 'patch', operation: { type: 'update_file', path: 'a.txt', diff }, callId: 'c2' }];
    }
    if (step === 2) return [call('cat a.txt; echo "$SECRET"', 'c3')];
    return [text('Done.')];
  };
  const stage = await openStage(script, { SECRET: 'very-secret-value-1' });
  await stage.worker();
  const turnId = await stage.post('Work');
  expect(await stage.ended(turnId)).toMatchObject({ status: 'completed', usage: { modelCalls: 4 } });
  expect(await stage.file('a.txt')).toBe('two\n');
  expect(answers[2]).toContain('two\nvery-secret-value-1');
  const events = (await stage.events()).filter((event) => event.turnId === turnId);
  expect(events.map(({ type }) => type)).toEqual([
    'turn.message',
    'turn.started',
    ...['turn.usage', 'tool.call.started', 'tool.call.output.delta', 'tool.call.completed'],
    ...['turn.usage', 'tool.call.started', 'tool.call.completed'],
    ...['turn.usage', 'tool.call.started', 'tool.call.output.delta', 'tool.call.completed'],
    ...['model.text.delta', 'turn.usage', 'turn.completed'],
  ]);
  terminalOf(events, turnId);
  expect(JSON.stringify(events)).not.toContain('very-secret-value-1');
  const journal = await stage.store.turns.journal(stage.sessionId);
  const step = ['response', 'call', 'result'];
  expect(journal.map(({ kind }) => kind)).toEqual(['input', ...step, ...step, ...step, 'response']);
  // What ended and is in the journal leaves nothing in the box.
  await using active = await stage.boxes.open(stage.workspaceId, stage.sessionId, {
    kind: 'request',
    id: 'test',
    subject: 'test',
  });
  const { attach } = active.box.capabilities;
  expect(attach.available && (await attach.use.list())).toEqual([]);
});

test('a call takes two writes, each with its events, and its end asks nothing more of the record', async () => {
  const stage = await openStage(({ step }) => (step === 0 ? [call('true', 'c1')] : [text('Done.')]));
  const { turns } = stage.store;
  const written: string[] = [];
  const { record } = turns;
  vi.spyOn(turns, 'record').mockImplementation((key, entries, usage, events = []) => {
    written.push([...entries.map(({ kind }) => kind), ...events.map(({ type }) => type)].join(' '));
    return record.call(turns, key, entries, usage, events);
  });
  const taking = vi.spyOn(turns, 'takeMessages');
  await stage.worker();
  expect(await stage.ended(await stage.post('Work'))).toMatchObject({ status: 'completed' });
  // These are written by themselves when they have waited long enough.
  expect(written.map((one) => one.replace(/turn\.started |model\.text\.delta /, ''))).toEqual([
    'response call turn.usage tool.call.started',
    'result tool.call.completed',
    'response turn.usage',
  ]);
  // Before the first question only.
  expect(taking).toHaveBeenCalledTimes(1);
});

test('a command begins behind the record of its call, and the model is asked behind that of its result', async () => {
  let asked = 0;
  const stage = await openStage(() => {
    asked += 1;
    return asked === 1 ? [call('echo ran > ran', 'c1')] : [text('Done.')];
  });
  const { turns } = stage.store;
  const seen: unknown[] = [];
  const { record } = turns;
  vi.spyOn(turns, 'record').mockImplementation(async (key, entries, ...more) => {
    const stored = await record.call(turns, key, entries, ...more);
    // Time for whoever does not wait for it.
    await sleep(300);
    const kinds = entries.map(({ kind }) => kind).join(' ');
    if (kinds !== 'response') seen.push([kinds, await stage.file('ran'), asked]);
    return stored;
  });
  await stage.worker();
  expect(await stage.ended(await stage.post('Work'))).toMatchObject({ status: 'completed' });
  expect(seen).toEqual([
    ['response call', null, 1],
    ['result', 'ran\n', 1],
  ]);
});

test('a thousand deltas take few writes and keep their order', async () => {
  const long = Array.from({ length: 1_000 }, (_, at) => `${String(at).padStart(3, '0')} `).join('');
  const stage = await openStage(() => [text(long, 4)]);
  await stage.worker();
  await stage.ended(await stage.post('Speak'));
  const deltas = (await stage.events()).flatMap((event) =>
    event.type === 'model.text.delta' ? [event.payload.text] : [],
  );
  expect(deltas.join('')).toBe(long);
  expect(deltas.length).toBeLessThanOrEqual(25);
});

test('a message that comes while the turn runs is in the next question, and stays at its place', async () => {
  const seen: string[][] = [];
  const script: Script = ({ step, userMessages }) => {
    seen.push([...userMessages]);
    if (step === 0) return [call('while [ ! -e go ]; do sleep 0.05; done', 'c1')];
    if (step === 1) return [call('true', 'c2')];
    return [text('Done.')];
  };
  const stage = await openStage(script);
  await stage.worker();
  const turnId = await stage.post('Begin');
  await eventually('the first call', async () =>
    (await stage.events()).some(({ type }) => type === 'tool.call.started'),
  );
  expect(await stage.post('And also this')).toBe(turnId);
  await using active = await stage.boxes.open(stage.workspaceId, stage.sessionId, {
    kind: 'request',
    id: 'test',
    subject: 'test',
  });
  await active.box.files.write('go', new Uint8Array());
  expect((await stage.ended(turnId)).status).toBe('completed');
  expect(seen).toEqual([['Begin'], ['Begin', 'And also this'], ['Begin', 'And also this']]);
});

test('the limit of questions ends a turn, and so does its time', async () => {
  const stage = await openStage(({ userMessages }) =>
    userMessages.length === 1 ? [call('true', `c${Math.random()}`)] : [{ kind: 'pause', ms: 600_000 }],
  );
  await stage.worker();
  const asked = await stage.ended(await stage.post('Loop', { maxModelCalls: 3 }));
  expect(asked).toMatchObject({
    status: 'failed',
    error: { code: 'max-model-calls' },
    usage: { modelCalls: 3 },
  });
  const late = await stage.post('Hang', { timeBudgetMs: 1_000 });
  expect(await stage.ended(late)).toMatchObject({ status: 'failed', error: { code: 'time-budget' } });
  terminalOf(await stage.events(), late);
});

const cut = [{ kind: 'text', text: 'Half a' }, { kind: 'pause', ms: 5 }, { kind: 'cut' }] as const;
test.each([
  { fault: 'refuses once', items: [{ kind: 'refuse', status: 429, message: 'Later', retryAfterS: 0 }] },
  { fault: 'fails once', items: [{ kind: 'refuse', status: 500, message: 'Oh' }] },
  { fault: 'breaks off', items: cut },
  { fault: 'stops early', items: [{ kind: 'text', text: 'Half a' }, { kind: 'stop' }] },
  {
    fault: 'falls silent',
    items: [
      { kind: 'text', text: 'Half a' },
      { kind: 'pause', ms: 600_000 },
    ],
  },
] as const)('a model that $fault is asked again, and what it had said does not count', async ({ items }) => {
  let asked = 0;
  const stage = await openStage(() => {
    asked += 1;
    return asked === 1 ? items : [text('Fine.')];
  });
  const model = { tries: 2, firstWaitMs: 1, longestWaitMs: 60_000, silenceMs: 3_000 };
  await stage.worker({ model });
  const turnId = await stage.post('Go');
  expect(await stage.ended(turnId)).toMatchObject({ status: 'completed', usage: { modelCalls: 1 } });
  expect(asked).toBe(2);
  const events = await stage.events();
  terminalOf(events, turnId);
  const at = events.findIndex(({ type }) => type === 'model.text.superseded');
  const hasSaid = 'kind' in items[0] && items[0].kind === 'text';
  const said = events.flatMap((event, place) =>
    event.type === 'model.text.delta' ? [{ ...event.payload, counts: place > at }] : [],
  );
  // Nothing is taken back of which nobody was told.
  if (hasSaid) expect(events[at]?.payload).toMatchObject({ answer: 1 });
  else expect(at).toBe(-1);
  const half = { text: 'Half a', answer: 1, counts: false };
  const fine = { text: 'Fine.', answer: 1, counts: true };
  expect(said).toEqual(hasSaid ? [half, fine] : [fine]);
  expect((await stage.store.turns.journal(stage.sessionId)).map(({ kind }) => kind)).toEqual([
    'input',
    'response',
  ]);
});

test.each([
  { fault: 'refuses for good', items: [{ kind: 'refuse', status: 400, message: 'Never' }], times: 1 },
  {
    fault: 'asks for more patience than there is',
    items: [{ kind: 'refuse', status: 429, message: 'Tomorrow', retryAfterS: 86_400 }],
    times: 1,
  },
  { fault: 'breaks off every time', items: cut, times: 3 },
] as const)('a model that $fault ends the turn, and the next one goes on', async ({ items, times }) => {
  let asked = 0;
  const stage = await openStage(({ userMessages }) => {
    asked += 1;
    return userMessages.length === 1 ? items : [text('Fine.')];
  });
  await stage.worker({ model: { tries: 3, firstWaitMs: 1, longestWaitMs: 60_000, silenceMs: 60_000 } });
  const turnId = await stage.post('Go');
  const turn = await stage.ended(turnId);
  expect(turn).toMatchObject({ status: 'failed', error: { code: 'model' } });
  expect(asked).toBe(times);
  expect(terminalOf(await stage.events(), turnId).type).toBe('turn.failed');
  expect((await stage.ended(await stage.post('Once more'))).status).toBe('completed');
});

test('what a command prints is told while it runs, in order, in few writes, without secrets and within a bound', async () => {
  const lines = Array.from({ length: 1_000 }, (_, at) => String(at)).join('\n');
  const script: Script = ({ step }) => {
    if (step === 0) {
      const slowly = 'echo first; while [ ! -e go ]; do sleep 0.05; done';
      const many = 'i=0; while [ $i -lt 1000 ]; do echo $i; i=$((i+1)); done';
      return [call(`${slowly}; ${many}; printf "%s" "$A"; sleep 0.3; echo "$B"`, 'c1')];
    }
    if (step === 1) return [call('head -c 1000000 /dev/zero | tr "\\0" x', 'c2')];
    return [text('Done.')];
  };
  const stage = await openStage(script, { SECRET: 'very-secret-value-1', A: 'very-secret', B: '-value-1' });
  await stage.worker();
  const turnId = await stage.post('Print');
  const deltas = async (callId: string) =>
    (await stage.events()).flatMap((event) =>
      event.type === 'tool.call.output.delta' && event.payload.callId === callId ? [event.payload] : [],
    );
  await eventually('the first line', async () => (await deltas('c1'))[0]?.chunk.startsWith('first\n'));
  {
    await using active = await stage.boxes.open(stage.workspaceId, stage.sessionId, {
      kind: 'request',
      id: 'test',
      subject: 'test',
    });
    await active.box.files.write('go', new Uint8Array());
  }
  await stage.ended(turnId);
  const told = await deltas('c1');
  expect(told.map(({ chunk }) => chunk).join('')).toMatch(new RegExp(`^first\n${lines}\n\\[redacted\\]`));
  expect(told.length).toBeLessThanOrEqual(25);
  expect(told.some(({ elided }) => elided)).toBe(false);
  const flood = await deltas('c2');
  expect(flood.map(({ chunk }) => chunk).join('')).toBe('x'.repeat(262_144));
  expect(flood.map(({ elided }) => elided).indexOf(true)).toBe(flood.length - 1);
  const events = await stage.events();
  const isOf = (callId: string) => (event: (typeof events)[number]) =>
    event.type.startsWith('tool.call.') && 'callId' in event.payload && event.payload.callId === callId;
  for (const callId of ['c1', 'c2']) {
    const types = events.filter(isOf(callId)).map(({ type }) => type);
    expect(types[0]).toBe('tool.call.started');
    expect(types.at(-1)).toBe('tool.call.completed');
  }
  terminalOf(events, turnId);
});

test('no secret is told: not in pieces of what the model says, not in its refusals', async () => {
  const secret = 'very-secret-value-1';
  const key = 'key-of-the-model-1234';
  const script: Script = ({ userMessages }) => {
    if (userMessages.length > 1) return [{ kind: 'refuse', status: 400, message: `No: ${key}` }];
    const [head, tail] = [secret.slice(0, 9), secret.slice(9)];
    return [text(`It is ${head}`), { kind: 'pause', ms: 600 }, text(`${tail}, they say.`)];
  };
  const stage = await openStage(script, { SECRET: secret });
  await stage.worker({}, { apiKey: key });
  await stage.ended(await stage.post('Tell'));
  const turn = await stage.ended(await stage.post('Again'));
  expect(turn.error?.message).toMatch(/refused the question \(400\)/);
  const told = (await stage.events()).flatMap((event) =>
    event.type === 'model.text.delta' ? [event.payload.text] : [],
  );
  expect(told.join('')).toMatch(/^It is .+, they say\.$/s);
  const all = JSON.stringify([turn, await stage.events(), told.join('')]);
  for (const hidden of [secret, secret.slice(0, 9), secret.slice(9), key]) expect(all).not.toContain(hidden);
});
