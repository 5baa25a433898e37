// The workloads of a docker box once more through HTTP, beside the box itself on the same engine: what the lease, the
// record and the way there add.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dockerProvider } from '@boxyard/providers-docker';
import type { Provider } from '@boxyard/sandbox-core';
import { sharedTestEngine } from '@tooling/docker-engine';
import { type BenchServer, post, send, startServer, stopServer } from './bench-server.ts';
import { createDockerBox, drain, streamOf } from './docker-box.ts';
import { inTurns, type Measurement, ms } from './measurement.ts';

const SESSIONS = '/v1/workspaces/default/sessions';
const SMALL_TEXT = 'a'.repeat(1024);
const SMALL = Buffer.from(SMALL_TEXT);
const BIG_BYTES = 100 * 1024 ** 2;

export async function measureDockerThroughHttp(): Promise<Measurement[]> {
  await using engine = await sharedTestEngine({ images: ['debian'] });
  const provider = dockerProvider({ socketPath: engine.socketPath });
  const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-bench-docker-'));
  const server = await startServer(dataDir, {
    BOXYARD_BACKEND: 'docker',
    BOXYARD_DOCKER_SOCKET: engine.socketPath,
  });
  try {
    return [await measureCreation(server, provider), ...(await measureWork(server, provider))];
  } finally {
    await stopServer(server);
    await rm(dataDir, { recursive: true, force: true });
  }
}

const beside = (what: string, ours: number, box: number): Measurement => ({
  what: `${what}, docker through HTTP`,
  ours: ms(ours),
  beside: `${ms(box)} the box itself`,
  ratio: `+${ms(ours - box)}`,
  goal: '–',
});

async function measureCreation(server: BenchServer, provider: Provider): Promise<Measurement> {
  let made = 10_000;
  const ended: (() => Promise<unknown>)[] = [];
  const took = await inTurns(
    {
      http: async () => {
        const { id } = await post<{ id: string }>(server, SESSIONS, {});
        ended.push(() => send(server, 'DELETE', `${SESSIONS}/${id}`));
        await post(server, `${SESSIONS}/${id}/terminal/exec`, { command: 'echo hi' });
      },
      box: async () => {
        const box = await createDockerBox(provider, made++);
        ended.push(async () => provider.destroy(box.ref).then(() => box.close()));
        await box.exec({ program: { script: 'echo hi' } });
      },
    },
    1,
  );
  for (const end of ended) await end();
  return beside('made, first exec', took.http, took.box);
}

async function measureWork(server: BenchServer, provider: Provider): Promise<Measurement[]> {
  const box = await createDockerBox(provider, 20_000);
  const { id } = await post<{ id: string }>(server, SESSIONS, { start: true });
  const base = `${SESSIONS}/${id}`;
  try {
    const small = await inTurns(
      {
        exec: () => post(server, `${base}/terminal/exec`, { command: 'echo hi' }),
        boxExec: () => box.exec({ program: { script: 'echo hi' } }),
        write: () => post(server, `${base}/fs/write`, { path: 'small.txt', content: SMALL_TEXT }),
        boxWrite: () => box.files.write('small.txt', SMALL),
        read: () => post(server, `${base}/fs/read`, { path: 'small.txt' }),
        boxRead: () => box.files.read('small.txt'),
      },
      5,
    );
    const bytes = randomBytes(BIG_BYTES);
    const big = await inTurns(
      {
        write: async () =>
          (await send(server, 'PUT', `${base}/fs/content?path=big.bin`, streamOf(bytes))).text(),
        boxWrite: () => box.files.write('big.bin', streamOf(bytes)),
        read: async () => {
          const { body } = await send(server, 'GET', `${base}/fs/content?path=big.bin`);
          await drain(body ?? new ReadableStream(), BIG_BYTES);
        },
        boxRead: async () => drain((await box.files.open('big.bin')).stream, BIG_BYTES),
      },
      1,
    );
    return [
      beside('exec', small.exec, small.boxExec),
      beside('write of 1 KB', small.write, small.boxWrite),
      beside('read of 1 KB', small.read, small.boxRead),
      beside('write of 100 MB', big.write, big.boxWrite),
      beside('read of 100 MB', big.read, big.boxRead),
    ];
  } finally {
    await send(server, 'DELETE', base);
    await provider.destroy(box.ref);
    await box.close();
  }
}
