// `boxyard chat` against a real server: in a pipe, and in a real terminal with a person at it.
import type { Script } from '@boxyard/scripted-model';
import { startScriptedModel } from '@boxyard/scripted-model';
import { eventually } from '@tooling/eventually';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { CTRL_C, CTRL_D, openTerminal, runCommandLine, startCommandLine } from './command-line.ts';
import { startCuttableConnection } from './cuttable-connection.ts';
import { type SharedServer, startSharedServer } from './shared-server.ts';

const exec = (cmd: string) =>
  ({ kind: 'call', name: 'exec_command', arguments: { cmd, yield_time_ms: 60_000 } }) as const;
const say = (text: string) => ({ kind: 'text', text }) as const;

/** Does what the last message asks for, in words that the tests and it agree on. */
const script: Script = ({ userMessages, toolAnswers }) => {
  const [, verb, rest = ''] = /^(\w+) ?([\s\S]*)$/.exec(userMessages.at(-1) ?? '') ?? [];
  if (toolAnswers.length > 0)
    return [say(`The tool said: ${toolAnswers[0]?.text.trim().split('\n').at(-1)}`)];
  if (verb === 'run') return [say('I run it.\n'), exec(rest)];
  if (verb === 'refuse') return [{ kind: 'refuse', status: 422, message: rest }];
  if (verb === 'slowly') {
    return rest.split(' ').flatMap((word) => [say(`${word} `), { kind: 'pause', ms: 300 } as const]);
  }
  if (verb === 'hang') return [say('I think. '), { kind: 'pause', ms: 600_000 }];
  return [say(rest)];
};

let shared: SharedServer;
let model: Awaited<ReturnType<typeof startScriptedModel>>;
let env: Record<string, string>;
beforeAll(async () => {
  model = await startScriptedModel({ script });
  shared = await startSharedServer({ BOXYARD_MODEL_BASE_URL: model.baseUrl, BOXYARD_MODEL: 'scripted' });
  env = { BOXYARD_URL: shared.client.url, BOXYARD_TOKEN: shared.token };
});
afterAll(async () => {
  await shared.stop();
  await model.close();
});

const newSession = async () => (await shared.boxyard.sessions.create()).keep();
const turnStatus = async (id: string) => {
  const { items } = await shared.boxyard.session(id).events.list({ limit: 1000 });
  return items.map(({ type }) => type).filter((type) => /^turn\.(completed|failed|cancelled)$/.test(type));
};

test('a message in a pipe: the answer as plain lines, the outcome as exit code', async () => {
  const { id } = await newSession();
  const ran = await runCommandLine(['chat', id], env, 'run echo one; echo two\n');
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  const lines = ran.stdout.split('\n');
  expect(lines.slice(0, 3)).toEqual(['> run echo one; echo two', 'I run it.', '$ echo one; echo two']);
  expect(lines).toEqual(
    expect.arrayContaining(['box: made (local)', '  one', '  two', 'The tool said: two']),
  );
  expect(ran.stdout).toMatch(/^ {2}Wall time: .* · Process exited with code 0$/m);
  expect(lines.at(-2)).toMatch(/^done · 2 questions to the model, \d+ tokens$/);
  expect(ran.stdout).not.toContain('\u001b');

  const failed = await runCommandLine(['chat', id, 'refuse', 'not', 'today'], env);
  expect(failed).toMatchObject({ code: 1 });
  expect(failed.stdout).toMatch(/failed \(model\): .*not today/);
});

test('for programs every event is a line of JSON, also those of a new session', async () => {
  const ran = await runCommandLine(['chat', '--new', '-o', 'json', 'run', 'echo', 'hi'], env);
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  const events = ran.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; seq: number; sessionId: string });
  expect(events[0]?.type).toBe('turn.message');
  expect(events.at(-1)?.type).toBe('turn.completed');
  const seqs = events.map(({ seq }) => seq);
  expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
  expect(await turnStatus(events[0]?.sessionId ?? '')).toEqual(['turn.completed']);
});

test('without anybody to decide, the turn waits on, and says so with its exit code', async () => {
  const { id } = await newSession();
  const left = await runCommandLine(['chat', id, '--approve', 'exec_command', 'run echo x'], env);
  expect(left).toMatchObject({ code: 2 });
  expect(left.stdout).toContain('exec_command waits for a decision:\n  $ echo x\n');
  expect(left.stdout).toContain(`boxyard chat ${id}`);
  expect(await turnStatus(id)).toEqual([]);
  // Who comes back sees the turn from its beginning, and may decide.
  const decided = await runCommandLine(['chat', id, '--yes'], env);
  expect(decided).toMatchObject({ code: 0 });
  expect(decided.stdout).toMatch(/^> run echo x\n[\s\S]*approved\n[\s\S]*The tool said: x/);
});

test('a stream that is cut goes on where it was, with nothing missing and nothing twice', async () => {
  const { id } = await newSession();
  const relay = await startCuttableConnection(() => shared.client.url);
  onTestFinished(() => relay.stop());
  const words = Array.from({ length: 8 }, (_, index) => `word${index}`).join(' ');
  const { child, outcome, printed } = startCommandLine(['chat', id, `slowly ${words}`], {
    ...env,
    BOXYARD_URL: relay.url,
  });
  child.stdin.end();
  for (const seen of ['word1', 'word4']) {
    await eventually(seen, async () => printed().split('\n').at(-1)?.includes(seen));
    expect(relay.cut()).toBeGreaterThan(0);
  }
  expect(await outcome).toMatchObject({ code: 0, stderr: '' });
  expect(printed().split('\n')[1]?.trim()).toBe(words);
});

test('a talk in a terminal: typed, seen as it comes, steered, and left', async () => {
  const terminal = openTerminal(['chat', '--new'], env);
  await terminal.sees('session ');
  await terminal.sees('> ');
  terminal.type('run echo from the box; while [ ! -e go ]; do sleep 0.05; done\r');
  await terminal.sees('I run it.');
  await terminal.sees('$ echo from the box');
  await terminal.sees('running');
  // Said while the command runs: it is in the next question, and no turn of its own.
  terminal.type('say heard you\n');
  const id = /session (\S+)/.exec(terminal.text())?.[1] ?? '';
  await eventually('the second message', async () => {
    const { items } = await shared.boxyard.session(id).events.list({ limit: 1000 });
    return items.filter(({ type }) => type === 'turn.message').length === 2;
  });
  await shared.boxyard.session(id).files.write({ path: 'go', content: '' });
  await terminal.sees('  from the box');
  await terminal.sees('done · 2 questions');
  await terminal.sees('> ');
  terminal.type('say \u001b[31mred\r');
  await terminal.sees('> ');
  terminal.type(CTRL_D);
  expect(await terminal.exitCode).toBe(0);
  expect(await turnStatus(id)).toEqual(['turn.completed', 'turn.completed']);
});

test('calls that wait are decided with y and n', async () => {
  const { id } = await newSession();
  const terminal = openTerminal(['chat', id, '--approve', 'exec_command'], env);
  await terminal.sees('> ');
  terminal.type('run touch refused-one\r');
  await terminal.sees('$ touch refused-one');
  await terminal.sees('[y/n] ');
  terminal.type('what\r');
  await terminal.sees('[y/n] ');
  terminal.type('n\r');
  await terminal.sees('rejected');
  await terminal.sees('done');
  await terminal.sees('> ');
  terminal.type('run echo allowed; ls\r');
  await terminal.sees('[y/n] ');
  terminal.type('y\r');
  await terminal.sees('approved');
  expect(await terminal.sees('done')).not.toContain('refused-one');
  await terminal.sees('> ');

  terminal.type('run echo third\r');
  await terminal.sees('[y/n] ');
  // Somebody else decides: the question is taken back.
  const { items } = await shared.boxyard.session(id).events.list({ limit: 1000 });
  const asked = items.findLast((event) => event.type === 'approval.requested');
  if (asked?.type !== 'approval.requested') throw new Error('The third call waits.');
  await shared.boxyard.session(id).api.turns.decide(asked.payload.approvalId, { decision: 'approve' });
  await terminal.sees('  third');
  await terminal.sees('> ');
  terminal.type(CTRL_D);
  expect(await terminal.exitCode).toBe(0);
});

test('Ctrl-C cancels the turn and leaves the talk open; once more leaves', async () => {
  const { id } = await newSession();
  const terminal = openTerminal(['chat', id], env);
  await terminal.sees('> ');
  terminal.type('hang\r');
  await terminal.sees('I think.');
  terminal.type(CTRL_C);
  await terminal.sees('cancelled');
  await terminal.sees('> ');
  expect(await turnStatus(id)).toEqual(['turn.cancelled']);

  terminal.type('hang\r');
  await terminal.sees('I think.');
  terminal.type(CTRL_C);
  await terminal.sees('Ctrl-C once more');
  terminal.type(CTRL_C);
  expect(await terminal.exitCode).toBe(130);
  await eventually('the second cancelled turn', async () => (await turnStatus(id)).length === 2);
});

test('what a model says moves no cursor', async () => {
  const { id } = await newSession();
  const terminal = openTerminal(['chat', id, 'say before\u001b]52;c;ZXZpbA==\u0007\u001b[2Jafter'], env);
  await terminal.sees('beforeafter');
  expect(await terminal.exitCode).toBe(0);
  expect(terminal.raw()).not.toMatch(/\u001b\]52|\u001b\[2J/);
});
