/** Sessions in containers of a real engine, and what becomes of them when somebody else ends their container. */
import { type SharedEngine, sharedTestEngine } from '@tooling/docker-engine';
import { needs } from '@tooling/system-parts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiProblem } from './raw-api.ts';
import { type SharedServer, startSharedServer } from './shared-server.ts';
import { eventually } from './test-server.ts';

const MINUTES = 60_000;

interface ExecAnswer {
  readonly stdout: string;
  readonly exitCode: number | null;
}

describe('sessions on docker', needs('docker', 'debootstrap'), () => {
  let engine: SharedEngine;
  let shared: SharedServer;
  beforeAll(async () => {
    engine = await sharedTestEngine({ images: ['debian'] });
    shared = await startSharedServer({
      BOXYARD_BACKEND: 'docker',
      BOXYARD_DOCKER_SOCKET: engine.socketPath,
      BOXYARD_DOCKER_NETWORK: 'boxyard-test',
      BOXYARD_DOCKER_MEMORY_MB: '256',
    });
  }, 10 * MINUTES);
  afterAll(async () => {
    await shared?.stop();
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
      const content = await eventually(async () => {
        const answer = await exec('cat kept.txt').catch((error: unknown) => error);
        if (!(answer instanceof ApiProblem)) return (answer as ExecAnswer).stdout;
        expect(answer.code).toBe('not-ready');
        return null;
      }, 'the box that takes its place');
      expect(content).toBe('kept');
      expect((await info()).restored?.kind).toMatch(/^(?:EXACT|STALE)$/);
      const [another, ...others] = await containersOf(session.sandboxGroupId);
      expect(others).toEqual([]);
      expect(another!.Id).not.toBe(container!.Id);

      await client.json('DELETE', `/v1/workspaces/default/sessions/${session.id}`);
      expect(await containersOf(session.sandboxGroupId)).toEqual([]);
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
      await eventually(async () => (await exec('cat got')) === 'to the local box', 'what the command wrote');
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
