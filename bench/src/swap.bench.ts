import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sharedTestEngine } from '@tooling/docker-engine';
import { post, send, startServer, stopServer } from './bench-server.ts';
import { inTurns, type Measurement, ms, times } from './measurement.ts';

const SESSIONS = '/v1/workspaces/default/sessions';

/** A session in a local box is sent to a container, beside what making that container takes by itself. */
export async function measureSwap(): Promise<Measurement[]> {
  await using engine = await sharedTestEngine({ images: ['debian'] });
  const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-bench-swap-'));
  const server = await startServer(dataDir, { BOXYARD_DOCKER_SOCKET: engine.socketPath });
  const made: string[] = [];
  const session = async (body: object) => {
    const { id } = await post<{ id: string }>(server, SESSIONS, body);
    made.push(id);
    return id;
  };
  try {
    const locals: string[] = [];
    // Made before: what is measured is the way from one box to the other.
    for (let round = 0; round < 6; round++) locals.push(await session({ start: true }));
    const dockers: string[] = [];
    for (let round = 0; round < 6; round++) dockers.push(await session({ backend: 'docker' }));
    const took = await inTurns(
      {
        swap: () =>
          post(server, `${SESSIONS}/${locals.pop()}/active-sandbox`, { target: { backend: 'docker' } }),
        open: () => post(server, `${SESSIONS}/${dockers.pop()}/terminal/exec`, { command: ':' }),
      },
      1,
    );
    return [
      {
        what: 'swap from a local box to a new docker box',
        ours: ms(took.swap),
        beside: `${ms(took.open)} opening such a box, with a command`,
        ratio: times(took.swap, took.open),
        goal: '≤ 1.2×',
      },
    ];
  } finally {
    for (const id of made) await send(server, 'DELETE', `${SESSIONS}/${id}`);
    await stopServer(server);
    await rm(dataDir, { recursive: true, force: true });
  }
}
