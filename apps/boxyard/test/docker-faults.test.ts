// What a person sees and keeps when a container, its engine or the server is struck in the middle of something. Each
// row of docs/docker-faults.md is one of these tests.
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BoxyardError, type BoxyardSession, createClient } from '@boxyard/client';
import { IMAGE_NAMES, provideImage, startTestEngine, type TestEngine } from '@tooling/docker-engine';
import { eventually } from '@tooling/eventually';
import { needs } from '@tooling/system-parts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchServer, type ServerProcess } from './test-server.ts';

const MINUTES = 60_000;
const KEPT = 'kept across everything\n';
const BALLAST_BYTES = 64 * 1024 ** 2;
/** What is under way has begun after this time, and has not ended. */
const BEGUN_MS = 250;
const STRUCK_MS = 300;

let engine: TestEngine;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'boxyard-faults-'));
  engine = await startTestEngine({ folder });
  await provideImage(engine.docker, 'busybox');
}, 5 * MINUTES);
afterAll(async () => {
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
});

/** The containers of a group: never more than one of them may run. */
async function containersOf(groupId: string) {
  const all = await engine.docker.listContainers({ all: true });
  return all.filter(({ Names, Labels }) => JSON.stringify([Names, Labels]).includes(groupId));
}

async function containerOf(groupId: string) {
  const [container] = await eventually('the container of the session', async () => {
    const found = await containersOf(groupId);
    return found.length > 0 && found;
  });
  return engine.docker.getContainer(container?.Id ?? '');
}

interface Scene {
  readonly yard: Yard;
  readonly sessionId: string;
  readonly groupId: string;
}

const nothing = async () => {};

/** What is done to the box, its engine or the server; answers what makes it good again. */
const STRIKES: Readonly<Record<string, (scene: Scene) => Promise<() => Promise<void>>>> = {
  'docker rm -f': async ({ groupId }) => {
    await (await containerOf(groupId)).remove({ force: true });
    return nothing;
  },
  'docker pause': async ({ groupId }) => {
    const container = await containerOf(groupId);
    await container.pause();
    // A deletion that went on has ended the container: there is nothing left to be unpaused.
    return () => container.unpause().catch(nothing);
  },
  'docker restart': async ({ groupId }) => {
    await (await containerOf(groupId)).restart({ t: 0 });
    return nothing;
  },
  'a restart of the engine': async () => {
    await engine.stop();
    return () => engine.start();
  },
  'kill -9 of the server': async ({ yard }) => {
    await yard.killAndStart();
    return nothing;
  },
};

/** What is under way. The first argument is a session with a saved file in a box that is up. */
const WORKS: Readonly<Record<string, (scene: Scene) => Promise<unknown>>> = {
  'a command': ({ yard, sessionId }) =>
    yard.session(sessionId).exec('echo begun >> log; sleep 2; echo ended >> log'),
  'a write': ({ yard, sessionId }) => yard.session(sessionId).files.upload('big.bin', slowContent()),
  'a save': ({ yard, sessionId }) => yard.session(sessionId).pause({ force: true }),
};

/** Eight pieces, so that a strike meets a write that has begun and has not ended. */
function slowContent(): ReadableStream<Uint8Array> {
  let left = 8;
  return new ReadableStream({
    async pull(controller) {
      if (left-- === 0) return controller.close();
      await sleep(150);
      controller.enqueue(new Uint8Array(256 * 1024));
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

async function makeScene(yard: Yard): Promise<Scene> {
  const session = (await yard.client().sessions.create()).keep();
  await session.files.upload('kept.txt', KEPT);
  // Pausing saves the files, so that what a strike destroys can be brought back.
  await session.pause({ force: true });
  expect(await session.files.readText('kept.txt')).toBe(KEPT);
  return { yard, sessionId: session.id, groupId: (await session.info()).sandboxGroupId };
}

async function expectOneBoxWithItsFiles({ yard, sessionId, groupId }: Scene): Promise<void> {
  const session = yard.session(sessionId);
  expect(await insist('the saved file', () => session.files.readText('kept.txt'))).toBe(KEPT);
  const { stdout } = await insist('a command', () => session.exec('cat kept.txt'));
  expect(stdout).toBe(KEPT);
  await eventually('one container of the session', async () => (await containersOf(groupId)).length === 1);
}

async function expectGone({ yard, sessionId, groupId }: Scene): Promise<void> {
  const session = yard.session(sessionId);
  await insist('the deletion', () => session.delete());
  // What could not be destroyed at once is tried again half a minute later.
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

describe.each(Object.keys(STRIKES))('%s', { ...needs('docker', 'busybox') }, (strike) => {
  const hit = STRIKES[strike] as (scene: Scene) => Promise<() => Promise<void>>;
  let yard: Yard;
  beforeAll(async () => {
    yard = await Yard.start();
  }, MINUTES);
  afterAll(() => yard.end(), MINUTES);

  test.each(Object.keys(WORKS))('in the middle of %s', { timeout: 4 * MINUTES }, async (name) => {
    const scene = await makeScene(yard);
    // So that a save takes longer than the time until it is struck.
    if (name === 'a save') {
      await yard
        .session(scene.sessionId)
        .files.upload('ballast.bin', new Uint8Array(randomBytes(BALLAST_BYTES)));
    }
    const work = outcomeOf((WORKS[name] as (scene: Scene) => Promise<unknown>)(scene));
    await sleep(BEGUN_MS);
    const mend = await hit(scene);
    await sleep(STRUCK_MS);
    await mend();
    expect(await toldBy(strike, name)).toContain(await work);
    await expectOneBoxWithItsFiles(scene);
    await expectGone(scene);
  });

  test('in the middle of making the box', { timeout: 4 * MINUTES }, async () => {
    const session = (await yard.client().sessions.create()).keep();
    const scene = { yard, sessionId: session.id, groupId: (await session.info()).sandboxGroupId };
    const work = outcomeOf(session.exec('echo hi'));
    await containerOf(scene.groupId);
    // It may be over before it is struck, or not be there yet to be struck.
    const mend = await hit(scene).catch(() => nothing);
    await mend();
    expect(await toldBy(strike, 'making the box')).toContain(await work);
    const { stdout } = await insist('a command', () => yard.session(session.id).exec('echo hi'));
    expect(stdout).toBe('hi\n');
    await eventually('one container', async () => (await containersOf(scene.groupId)).length === 1);
    await expectGone(scene);
  });

  test('in the middle of destroying the box', { timeout: 4 * MINUTES }, async () => {
    const scene = await makeScene(yard);
    const work = outcomeOf(scene.yard.session(scene.sessionId).delete());
    const mend = await hit(scene).catch(() => nothing);
    await mend();
    expect(await toldBy(strike, 'destroying the box')).toContain(await work);
    await expectGone(scene);
  });
});
