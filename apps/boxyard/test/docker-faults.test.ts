// What a person sees and keeps when a container, its engine or the server is struck in the middle of something. Each
// row of docs/docker-faults.md is one of these tests.
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BoxyardError, type BoxyardSession, createClient } from '@boxyard/client';
import {
  IMAGE_NAMES,
  pause,
  provideImage,
  startTestEngine,
  type TestEngine,
  unpause,
} from '@tooling/docker-engine';
import { eventually } from '@tooling/eventually';
import { needs } from '@tooling/system-parts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchServer, type ServerProcess } from './test-server.ts';

const MINUTES = 60_000;
const KEPT = 'kept across everything\n';
const BALLAST_BYTES = 32 * 1024 ** 2;
const PIECE_MS = 100;
/** What is under way has begun after this time. */
const BEGUN_MS = 250;
const STRUCK_MS = 300;

let engine: TestEngine;
let folder: string;
let yard: Yard;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'boxyard-faults-'));
  engine = await startTestEngine({ folder });
  await provideImage(engine.docker, 'busybox');
  yard = await Yard.start();
}, 5 * MINUTES);
afterAll(async () => {
  await yard?.end();
  await engine[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
}, MINUTES);

/** A server whose boxes are containers, and which can be killed and started again on the same data. */
class Yard {
  readonly #dataDir: string;
  #server: ServerProcess;

  private constructor(dataDir: string, server: ServerProcess) {
    this.#dataDir = dataDir;
    this.#server = server;
  }

  static async start(): Promise<Yard> {
    const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-server-'));
    return new Yard(dataDir, await launchServer(dataDir, settings()));
  }

  session(id: string): BoxyardSession {
    return this.client().session(id);
  }

  client() {
    const { url, token } = this.#server;
    return createClient({ url, token, deadlineMs: 60_000 });
  }

  async killAndStart(): Promise<void> {
    await this.#server.kill();
    this.#server = await launchServer(this.#dataDir, settings());
  }

  async end(): Promise<void> {
    await this.#server.kill();
    await rm(this.#dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
  }
}

const settings = () => ({
  BOXYARD_BACKEND: 'docker',
  BOXYARD_DOCKER_SOCKET: engine.socketPath,
  BOXYARD_DOCKER_IMAGE: IMAGE_NAMES.busybox,
  BOXYARD_REAPER_PERIOD_MS: '500',
  BOXYARD_CAPTURE_INTERVAL_MS: '1000',
  BOXYARD_DESTROY_RETRY_MS: '2000',
});

/** The containers of a group: never more than one of them may run. */
async function containersOf(groupId: string) {
  const all = await engine.docker.listContainers({ all: true });
  return all.filter(({ Names, Labels }) => JSON.stringify([Names, Labels]).includes(groupId));
}

interface Scene {
  readonly sessionId: string;
  readonly groupId: string;
}

type Container = ReturnType<TestEngine['docker']['getContainer']>;

const nothing = async () => {};

/** The same for the container of each; one that is not there yet, or not any more, cannot be struck. */
const eachContainer =
  (hit: (container: Container) => Promise<() => Promise<void>>) =>
  async (scenes: readonly Scene[]): Promise<() => Promise<void>> => {
    const mends = await Promise.all(
      scenes.map(async ({ groupId }) => {
        const [found] = await containersOf(groupId);
        return found === undefined ? nothing : hit(engine.docker.getContainer(found.Id)).catch(() => nothing);
      }),
    );
    return async () => void (await Promise.all(mends.map((mend) => mend())));
  };

/** What is done to the boxes, their engine or the server; answers what makes it good again. */
const STRIKES: Readonly<Record<string, (scenes: readonly Scene[]) => Promise<() => Promise<void>>>> = {
  'docker rm -f': eachContainer(async (container) => {
    await container.remove({ force: true });
    return nothing;
  }),
  'docker pause': eachContainer(async (container) => {
    await pause(engine.docker, container.id);
    // A deletion that went on has ended the container: there is nothing left to be unpaused.
    return () => unpause(engine.docker, container.id);
  }),
  'docker restart': eachContainer(async (container) => {
    await container.restart({ t: 0 });
    return nothing;
  }),
  'a restart of the engine': async () => {
    await engine.stop();
    return () => engine.start();
  },
  'kill -9 of the server': async () => {
    await yard.killAndStart();
    return nothing;
  },
};

/** Resolves when the strike is over and made good. */
type Struck = Promise<void>;

/** What is under way in a session with a saved file in a box that is up. */
const WORKS: Readonly<Record<string, (scene: Scene, struck: Struck) => Promise<unknown>>> = {
  // It ends by itself only where it lives on.
  'a command': async ({ sessionId }, struck) => {
    const script = 'echo begun >>log; until [ -e go ]; do sleep 0.1; done; echo ended >>log';
    const running = yard.session(sessionId).exec(script);
    running.catch(nothing);
    await struck;
    await insist('the end of the command', () => yard.session(sessionId).files.upload('go', 'go'));
    return running;
  },
  'a write': ({ sessionId }, struck) => yard.session(sessionId).files.upload('big.bin', contentUntil(struck)),
  'a save': ({ sessionId }) => yard.session(sessionId).pause({ force: true }),
};
const MAKING = 'making the box';
const DESTROYING = 'destroying the box';

/** Pieces that come until it is struck, and one more. */
function contentUntil(struck: Struck): ReadableStream<Uint8Array> {
  let isOver = false;
  void struck.then(() => {
    isOver = true;
  });
  return new ReadableStream({
    async pull(controller) {
      await sleep(PIECE_MS);
      controller.enqueue(new Uint8Array(256 * 1024));
      if (isOver) controller.close();
    },
  });
}

/** Typed, or it came through: there is no third way. Answers what was seen. */
async function outcomeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (error) {
    if (!BoxyardError.isInstance(error)) throw error;
    expect(TYPED).toContain(error.code);
    return error.code;
  }
}
const TYPED = ['not-ready', 'unreachable', 'outcome-unknown', 'timeout', 'not-found', 'draining', 'fenced'];

/** As a person would: again, as long as the answer says that this may help. */
async function insist<T>(what: string, ask: () => Promise<T>): Promise<T> {
  let answer: { readonly value: T } | null = null;
  await eventually(what, async () => {
    try {
      answer = { value: await ask() };
      return true;
    } catch (error) {
      if (!BoxyardError.isInstance(error) || !TYPED.includes(error.code)) throw error;
      return false;
    }
  });
  if (answer === null) throw new Error(what);
  return (answer as { readonly value: T }).value;
}

/** Without a box. */
async function makeSession(): Promise<Scene> {
  const session = (await yard.client().sessions.create()).keep();
  return { sessionId: session.id, groupId: (await session.info()).sandboxGroupId };
}

async function makeScene(): Promise<Scene> {
  const scene = await makeSession();
  const session = yard.session(scene.sessionId);
  await session.files.upload('kept.txt', KEPT);
  // Pausing saves the files, so that what a strike destroys can be brought back.
  await session.pause({ force: true });
  expect(await session.files.readText('kept.txt')).toBe(KEPT);
  return scene;
}

async function expectOneBoxWithItsFiles({ sessionId, groupId }: Scene): Promise<void> {
  const session = yard.session(sessionId);
  expect(await insist('the saved file', () => session.files.readText('kept.txt'))).toBe(KEPT);
  const { stdout } = await insist('a command', () => session.exec('cat kept.txt'));
  expect(stdout).toBe(KEPT);
  await eventually('one container of the session', async () => (await containersOf(groupId)).length === 1);
}

async function expectGone({ sessionId, groupId }: Scene): Promise<void> {
  const session = yard.session(sessionId);
  await insist('the deletion', () => session.delete());
  // What could not be destroyed at once is tried again later.
  const noContainer = async () => (await containersOf(groupId)).length === 0;
  await eventually('no container of the session', noContainer, { withinMs: 120_000 });
}

const DOC = new URL('../../../docs/docker-faults.md', import.meta.url);

/** What the page says that a caller may be told: the words in backquotes of the third column. */
async function toldBy(strike: string, work: string): Promise<readonly string[]> {
  const rows = (await readFile(DOC, 'utf8')).split('\n').filter((line) => line.startsWith('|'));
  const cells = rows.map((row) => row.split('|').map((cell) => cell.trim()));
  const found = cells.filter(([, struck, during]) => struck === strike && during === work);
  expect(found, `docs/docker-faults.md needs one row for ${strike} in the middle of ${work}`).toHaveLength(1);
  return [...(found[0]?.[3] ?? '').matchAll(/`([^`]+)`/g)].map(([, word]) => word as string);
}

interface Row {
  readonly scene: Scene;
  readonly told: Promise<string>;
}

/** One strike meets everything at once: each in a session of its own. */
async function strikeAll(strike: string): Promise<ReadonlyMap<string, Row>> {
  const names = Object.keys(WORKS);
  const [making, destroying, ...others] = await Promise.all([
    makeSession(),
    makeScene(),
    ...names.map(async (name) => {
      const scene = await makeScene();
      // So that a save takes longer than the time until it is struck.
      const ballast = new Uint8Array(randomBytes(name === 'a save' ? BALLAST_BYTES : 1));
      await yard.session(scene.sessionId).files.upload('ballast.bin', ballast);
      return scene;
    }),
  ]);
  let over: () => void = () => undefined;
  const struck = new Promise<void>((resolve) => {
    over = resolve;
  });
  const rows = new Map<string, Row>();
  const begin = (name: string, scene: Scene, work: Promise<unknown>) => {
    const told = outcomeOf(work);
    // Told by the test of the row.
    told.catch(nothing);
    rows.set(name, { scene, told });
  };
  for (const [index, name] of names.entries()) {
    const scene = others[index] as Scene;
    begin(name, scene, (WORKS[name] as (scene: Scene, struck: Struck) => Promise<unknown>)(scene, struck));
  }
  await sleep(BEGUN_MS);
  begin(MAKING, making, yard.session(making.sessionId).exec('echo hi'));
  const made = async () => (await containersOf(making.groupId)).length > 0;
  await eventually('the container of the session', made);
  begin(DESTROYING, destroying, yard.session(destroying.sessionId).delete());
  const hit = STRIKES[strike] as (typeof STRIKES)[string];
  const mend = await hit([making, destroying, ...others]);
  await sleep(STRUCK_MS);
  await mend();
  over();
  return rows;
}

describe.each(Object.keys(STRIKES))('%s', { ...needs('docker', 'busybox') }, (strike) => {
  let rows: ReadonlyMap<string, Row>;
  beforeAll(async () => {
    rows = await strikeAll(strike);
  }, 4 * MINUTES);

  // Beside each other: what could not be destroyed at once is waited for by all together.
  test.concurrent.each([...Object.keys(WORKS), MAKING, DESTROYING])(
    'in the middle of %s',
    {
      timeout: 4 * MINUTES,
    },
    async (name) => {
      const { scene, told } = rows.get(name) as Row;
      expect(await toldBy(strike, name)).toContain(await told);
      if (name === MAKING) {
        const { stdout } = await insist('a command', () => yard.session(scene.sessionId).exec('echo hi'));
        expect(stdout).toBe('hi\n');
        await eventually('one container', async () => (await containersOf(scene.groupId)).length === 1);
      } else if (name !== DESTROYING) await expectOneBoxWithItsFiles(scene);
      await expectGone(scene);
    },
  );
});
