// What the SDK's own tools do in a real box: images as images, patches as files, skills when they are asked for.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Script } from '@boxyard/scripted-model';
import { expect, onTestFinished, test } from 'vitest';
import { openStage, terminalOf } from './turns-stage.ts';

const call = (name: string, given: object, callId: string) =>
  ({ kind: 'call', name, arguments: { ...given }, callId }) as const;
const text = (said: string) => ({ kind: 'text', text: said }) as const;

/** One red pixel. */
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';

test('an image reaches the model as its very bytes, also in the next turn, and no event holds them', async () => {
  const images: (readonly string[])[] = [];
  const refused: string[] = [];
  const script: Script = ({ step, toolAnswers, allToolAnswers }) => {
    if (step === 0) {
      const cmd = `printf %s ${PNG} | base64 -d > red.png; echo no image > text.png`;
      return [call('exec_command', { cmd }, 'c1')];
    }
    if (step === 1) return [call('view_image', { path: 'red.png' }, 'c2')];
    if (step === 2) return [call('view_image', { path: 'text.png' }, 'c3')];
    refused.push(...toolAnswers.filter(({ callId }) => callId === 'c3').map((answer) => answer.text));
    images.push(allToolAnswers.find(({ callId }) => callId === 'c2')?.images ?? []);
    return [text('Red.')];
  };
  const stage = await openStage(script);
  await stage.worker();
  const turnId = await stage.post('What colour is it?');
  expect((await stage.ended(turnId)).status).toBe('completed');
  expect((await stage.ended(await stage.post('Are you sure?'))).status).toBe('completed');
  const asSent = [`data:image/png;base64,${PNG}`];
  expect(images).toEqual([asSent, asSent]);
  expect(refused).toEqual([expect.stringMatching(/not a supported image file/)]);
  const events = await stage.events();
  terminalOf(events, turnId);
  expect(
    events.find(
      ({ type, payload }) => type === 'tool.call.completed' && 'callId' in payload && payload.callId === 'c2',
    )?.payload,
  ).toMatchObject({ tool: 'view_image', output: '(image)' });
  const told = events.filter(({ type }) => type !== 'tool.call.started');
  expect(JSON.stringify(told)).not.toContain(PNG.slice(0, 40));
});

async function skillFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'boxyard-skills-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'greet', 'scripts'), { recursive: true });
  await mkdir(join(folder, 'no-skill'));
  const head = '---\nname: greet\ndescription: "Says hello: politely."\n---\n';
  await writeFile(join(folder, 'greet', 'SKILL.md'), `${head}Run scripts/hello.sh.\n`);
  await writeFile(join(folder, 'greet', 'scripts', 'hello.sh'), 'echo good day\n', { mode: 0o755 });
  return folder;
}

test('a skill is known by its name, comes into the box when it is asked for, and its scripts run', async () => {
  const told: string[] = [];
  const prompts: string[] = [];
  const script: Script = ({ step, toolAnswers, instructions }) => {
    told.push(...toolAnswers.map((answer) => answer.text));
    prompts.push(instructions);
    if (step === 0) return [call('load_skill', { skill_name: 'greet' }, 'c1')];
    if (step === 1) return [call('load_skill', { skill_name: 'no-skill' }, 'c2')];
    if (step === 2) {
      const cmd = 'cat .agents/greet/SKILL.md; .agents/greet/scripts/hello.sh';
      return [call('exec_command', { cmd }, 'c3')];
    }
    return [text('Hello.')];
  };
  const stage = await openStage(script);
  await stage.worker({}, {}, { skillFolder: await skillFolder() });
  const turnId = await stage.post('Greet me');
  expect((await stage.ended(turnId)).status).toBe('completed');
  expect(prompts[0]).toContain('greet: Says hello: politely.');
  expect(prompts[0]).not.toContain('no-skill');
  expect(told[0]).toContain('"status":"loaded"');
  expect(told[2]).toMatch(/Run scripts\/hello\.sh\.\ngood day\n$/);
  const journal = await stage.store.turns.journal(stage.sessionId);
  expect(
    journal.filter(({ kind }) => kind === 'call').map(({ body }) => 'tool' in body && body.tool),
  ).toEqual(['load_skill', 'load_skill', 'exec_command']);
  const calls = (await stage.events()).filter(({ type }) => type === 'tool.call.completed');
  expect(calls).toHaveLength(3);
});

test('a folder of skills costs a turn that needs no box none', async () => {
  const stage = await openStage(() => [text('Hi.')]);
  await stage.worker({}, {}, { skillFolder: await skillFolder() });
  expect((await stage.ended(await stage.post('Hello'))).status).toBe('completed');
  expect((await stage.sessions.get(stage.workspaceId, stage.sessionId)).liveness).toBe('cold');
});

test('a folder of skills that cannot be read ends the turn with what to set', async () => {
  const stage = await openStage(() => [text('Hi.')]);
  await stage.worker({}, {}, { skillFolder: '/nonexistent' });
  const turnId = await stage.post('Hello');
  expect(await stage.ended(turnId)).toMatchObject({ status: 'failed', error: { code: 'configuration' } });
  terminalOf(await stage.events(), turnId);
});
