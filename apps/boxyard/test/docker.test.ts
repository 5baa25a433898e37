/** Sessions in containers of a real engine, and what becomes of them when somebody else ends their container. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Script, type ScriptedModel, startScriptedModel } from '@boxyard/scripted-model';
import { type SharedEngine, sharedTestEngine } from '@tooling/docker-engine';
import { eventually } from '@tooling/eventually';
import { needs } from '@tooling/system-parts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiProblem } from './raw-api.ts';
import { type SharedServer, startSharedServer } from './shared-server.ts';

const MINUTES = 60_000;
/** One red pixel. */
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';

interface ExecAnswer {
  readonly stdout: string;
  readonly exitCode: number | null;
}

describe('sessions on docker', needs('docker', 'debootstrap'), () => {
  let engine: SharedEngine;
  let shared: SharedServer;
  let model: ScriptedModel;
  let skills: string;
  /** What the agent does; each test that has one says so first. */
  let script: Script = () => [];
  beforeAll(async () => {
    engine = await sharedTestEngine({ images: ['debian'] });
    model = await startScriptedModel({ script: (request) => script(request) });
    skills = await mkdtemp(join(tmpdir(), 'boxyard-skills-'));
    shared = await startSharedServer({
      BOXYARD_MODEL_BASE_URL: model.baseUrl,
      BOXYARD_MODEL: 'scripted',
      BOXYARD_SKILLS_DIR: skills,
      BOXYARD_BACKEND: 'docker',
      BOXYARD_DOCKER_SOCKET: engine.socketPath,
      BOXYARD_DOCKER_NETWORK: 'boxyard-test',
      BOXYARD_DOCKER_MEMORY_MB: '256',
    });
  }, 10 * MINUTES);
  afterAll(async () => {
    await shared?.stop();
    await model?.close();
    if (skills !== undefined) await rm(skills, { recursive: true, force: true });
    await engine?.[Symbol.asyncDispose]();
  }, MINUTES);

  const containersOf = async (groupId: string) =>
    engine.docker.listContainers({ all: true, filters: { label: [`io.boxyard.group=${groupId}`] } });

  test(
    'a container that somebody removes comes back with its files, and the session says so',
    async () => {
      const { client } = shared;
      const session = await client.json<{ id: string; sandboxGroupId: string; backend: string }>(
        'POST',
        '/v1/workspaces/default/sessions',
        { body: {} },
      );
      const at = (path: string) => `/v1/workspaces/default/sessions/${session.id}/${path}`;
      const exec = (command: string) =>
        client.json<ExecAnswer>('POST', at('terminal/exec'), { body: { command } });
      const write = (path: string, content: string) =>
        client.json('POST', at('fs/write'), { body: { path, content } });

      await write('kept.txt', 'kept');
      const first = await exec(
        'cat kept.txt; id -u; nproc >/dev/null && cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null',
      );
      expect(first.stdout).toBe(`kept1000\n${256 * 1024 * 1024}\n`);
      const [container, ...rivals] = await containersOf(session.sandboxGroupId);
      expect(rivals).toEqual([]);

      // Saved and parked: the same container, with exactly its files.
      await client.json('POST', at('pause'), { body: { force: true } });
      expect((await exec('cat kept.txt')).stdout).toBe('kept');
      const info = () =>
        client.json<{ restored: { kind: string } | null }>(
          'GET',
          `/v1/workspaces/default/sessions/${session.id}`,
        );
      expect((await info()).restored).toEqual({ kind: 'EXACT' });
      expect((await containersOf(session.sandboxGroupId)).map(({ Id }) => Id)).toEqual([container!.Id]);

      await engine.docker.getContainer(container!.Id).remove({ force: true });
      // Who finds the box gone is told that it is not ready, because what was asked for may have been begun.
      const content = await eventually('the box that takes its place', async () => {
        const answer = await exec('cat kept.txt').catch((error: unknown) => error);
        if (!(answer instanceof ApiProblem)) return (answer as ExecAnswer).stdout;
        expect(answer.code).toBe('not-ready');
        return null;
      });
      expect(content).toBe('kept');
      expect((await info()).restored?.kind).toMatch(/^(?:EXACT|STALE)$/);
      const { items } = await client.json<{ items: { type: string }[] }>('GET', at('events?limit=1000'));
      const boxEvents = items.map(({ type }) => type).filter((type) => type.startsWith('sandbox.'));
      expect(boxEvents.filter((type) => !type.startsWith('sandbox.command.'))).toEqual([
        ...['sandbox.created', 'sandbox.paused', 'sandbox.resumed', 'sandbox.restored'],
        ...['sandbox.lost', 'sandbox.created', 'sandbox.restored'],
      ]);
      const [another, ...others] = await containersOf(session.sandboxGroupId);
      expect(others).toEqual([]);
      expect(another!.Id).not.toBe(container!.Id);

      await client.json('DELETE', `/v1/workspaces/default/sessions/${session.id}`);
      expect(await containersOf(session.sandboxGroupId)).toEqual([]);
    },
    2 * MINUTES,
  );

  test(
    "the agent's commands, patches, images and skills work in a container",
    async () => {
      const { client } = shared;
      await mkdir(join(skills, 'greet'));
      const head = '---\nname: greet\ndescription: Says hello.\n---\n';
      await writeFile(join(skills, 'greet', 'SKILL.md'), `${head}Say good day.\n`);
      const call = (name: string, given: object) =>
        ({ kind: 'call', name, arguments: { ...given } }) as const;
      const told: string[] = [];
      const images: string[] = [];
      script = ({ step, toolAnswers, instructions }) => {
        told.push(...toolAnswers.map(({ text }) => text));
        images.push(...toolAnswers.flatMap((answer) => answer.images));
        if (step === 0) {
          const cmd = `printf %s ${PNG} | base64 -d >red.png; echo one >a.txt; pwd`;
          return [call('exec_command', { cmd })];
        }
        if (step === 1) {
          const diff = '@@\n-one\n+two\n';
          return [{ kind: 'patch', operation: { type: 'update_file', path: 'a.txt', diff } }];
        }
        if (step === 2) return [call('view_image', { path: '/workspace/red.png' })];
        if (step === 3) return [call('load_skill', { skill_name: 'greet' })];
        if (step === 4) return [call('exec_command', { cmd: 'cat a.txt .agents/greet/SKILL.md' })];
        return [{ kind: 'text', text: instructions.includes('greet: Says hello.') ? 'Done.' : 'No skill.' }];
      };
      const { id } = await client.json<{ id: string }>('POST', '/v1/workspaces/default/sessions', {
        body: {},
      });
      const at = (path: string) => `/v1/workspaces/default/sessions/${id}/${path}`;
      const { turnId } = await client.json<{ turnId: string }>('POST', at('messages'), {
        body: { text: 'Work' },
      });
      const turn = await eventually('the end of the turn', async () => {
        const found = await client.json<{ status: string; endedAt: string | null }>(
          'GET',
          at(`turns/${turnId}`),
        );
        return found.endedAt === null ? null : found;
      });
      expect(turn.status).toBe('completed');
      expect(told[0]).toMatch(/Output:\n\/workspace\n$/);
      expect(told.at(-1)).toMatch(/Output:\ntwo\n---\nname: greet[\s\S]*Say good day\.\n$/);
      expect(images).toEqual([`data:image/png;base64,${PNG}`]);
      const { items } = await client.json<{ items: { type: string }[] }>('GET', at('events?limit=1000'));
      expect(items.map(({ type }) => type)).toEqual(
        expect.arrayContaining(['sandbox.created', 'tool.call.output.delta', 'turn.completed']),
      );
      await client.json('DELETE', `/v1/workspaces/default/sessions/${id}`);
    },
    2 * MINUTES,
  );

  test(
    'a session goes from a local box to a container and back with its workspace, while its command goes on',
    async () => {
      const { client } = shared;
      const session = await client.json<{ id: string; sandboxGroupId: string }>(
        'POST',
        '/v1/workspaces/default/sessions',
        { body: { backend: 'local' } },
      );
      const post = <Answer>(path: string, body: object) =>
        client.json<Answer>('POST', `/v1/workspaces/default/sessions/${session.id}/${path}`, { body });
      const exec = async (command: string) => (await post<ExecAnswer>('terminal/exec', { command })).stdout;
      const swap = (target: unknown, carry: boolean) =>
        post<{ activeSandboxId: string | null }>('active-sandbox', { target, carry });

      await exec('mkdir dir && echo local >dir/file && ln -s dir/file link');
      const background = { background: true, timeoutMs: 5 * MINUTES };
      const { opId } = await post<{ opId: string }>('terminal/exec', { command: 'cat >got', ...background });
      const away = await swap({ backend: 'docker' }, true);
      expect(away).toMatchObject({ activeEpoch: 1, receipt: { kind: 'EXACT' } });
      expect(await containersOf(away.activeSandboxId!)).toHaveLength(1);
      expect(await exec('pwd; cat link; echo docker >dir/file')).toBe('/workspace\nlocal\n');
      await post(`ops/${opId}/stdin`, { data: 'to the local box', close: true });
      expect(await swap('home', false)).toEqual({ activeSandboxId: null, activeEpoch: 2 });
      await eventually('what the command wrote', async () => (await exec('cat got')) === 'to the local box');
      expect(await exec('cat link')).toBe('local\n');

      await swap({ groupId: away.activeSandboxId }, false);
      // A change in a container is told a moment after it was made, perhaps while the workspace is carried already.
      expect(await swap('home', true)).toMatchObject({ activeEpoch: 4, receipt: { kind: 'EXACT' } });
      expect(await exec('cat link')).toBe('docker\n');

      await client.json('DELETE', `/v1/workspaces/default/sessions/${session.id}`);
      expect(await containersOf(away.activeSandboxId!)).toEqual([]);
    },
    2 * MINUTES,
  );
});
