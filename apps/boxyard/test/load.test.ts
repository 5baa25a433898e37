// Many sessions, commands and uploads at once against one server: whatever is refused is refused with a type, what is
// answered is right, memory stays flat, and in the end every box is accounted for. CI runs it small;
// `pnpm test:soak` runs 200 sessions, 50 commands at a time and 20 uploads of 100 MB for five minutes.
import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BoxyardError, type BoxyardSession, createClient } from '@boxyard/client';
import { eventually } from '@tooling/eventually';
import { expect, test } from 'vitest';
import { startTestServer, temporaryDataDir } from './test-server.ts';

const SCALE = Number(process.env.BOXYARD_TEST_SCALE ?? '1');
const SESSIONS = 20 * SCALE;
const AT_ONCE = 5 * SCALE;
const UPLOADS = 2 * SCALE;
const UPLOAD_BYTES = 10 * SCALE * 1024 ** 2;
const LASTS_MS = SCALE > 1 ? 5 * 60_000 : 8_000;
const SAMPLE_MS = 250;
/** What buffers and caches may still take once the server has warmed up; for a few seconds it only begins to. */
const FLAT_BYTES = (SCALE > 1 ? 40 : 96) * 1024 ** 2;
/** The parts of the time that are compared: after the warming up, and the end. */
const [EARLY, LATE] = SCALE > 1 ? [0.2, 0.8] : [0.4, 0.8];

/** What a busy server may say: each tells what to do, and none leaves open what happened. */
const REFUSALS = new Set(['not-ready', 'unreachable', 'quota', 'draining', 'timeout', 'rate-limited']);

test('many at once', { timeout: LASTS_MS + 10 * 60_000 }, async () => {
  const dataDir = await temporaryDataDir();
  const server = await startTestServer(dataDir);
  const boxyard = createClient({ url: server.url, token: server.token });
  const sessions = await makeSessions(boxyard);
  const tally = { answered: 0, uploaded: 0, refused: {} as Record<string, number> };
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work();
      tally.answered += 1;
    } catch (error) {
      if (!BoxyardError.isInstance(error) || !REFUSALS.has(error.code)) throw error;
      tally.refused[error.code] = (tally.refused[error.code] ?? 0) + 1;
    }
  };

  const endsAt = Date.now() + LASTS_MS;
  const memory: number[] = [];
  const watching = watchMemory(server.child.pid ?? 0, endsAt, memory);
  const commands = Array.from({ length: AT_ONCE }, async (_, worker) => {
    for (let turn = worker; Date.now() < endsAt; turn += AT_ONCE) {
      await attempt(() => workIn(sessions[turn % sessions.length] as BoxyardSession, turn));
    }
  });
  const content = new Uint8Array(randomBytes(UPLOAD_BYTES));
  const digest = createHash('sha256').update(content).digest('hex');
  const uploads = Array.from({ length: UPLOADS }, (_, index) =>
    attempt(async () => {
      const session = sessions[index % sessions.length] as BoxyardSession;
      await session.files.upload(`big-${index}.bin`, content);
      const { stdout } = await session.exec(`sha256sum <big-${index}.bin && rm big-${index}.bin`);
      expect(stdout.slice(0, 64)).toBe(digest);
      tally.uploaded += 1;
    }),
  );
  await Promise.all([...commands, ...uploads, watching]);
  console.log(`load: ${JSON.stringify(tally)}, memory ${summary(memory)}`);
  expect(tally.uploaded).toBe(UPLOADS);
  expect(tally.answered).toBeGreaterThan(SESSIONS);
  expect(lowestAfter(memory, LATE) - lowestAfter(memory, EARLY)).toBeLessThan(FLAT_BYTES);

  const groups = await Promise.all(sessions.map(async (session) => (await session.info()).sandboxGroupId));
  expect((await boxesOf(dataDir)).filter((box) => !groups.includes(box))).toEqual([]);
  for (const session of sessions) await session.delete();
  await eventually('every box went with its session', async () => (await boxesOf(dataDir)).length === 0);
  await eventually('no process is left in a box', async () => (await processesOf(dataDir)).length === 0);
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  await server.terminate();
});

async function makeSessions(boxyard: ReturnType<typeof createClient>): Promise<readonly BoxyardSession[]> {
  const sessions: BoxyardSession[] = [];
  while (sessions.length < SESSIONS) {
    const some = Math.min(AT_ONCE, SESSIONS - sessions.length);
    sessions.push(...(await Promise.all(Array.from({ length: some }, () => boxyard.sessions.create()))));
  }
  return sessions;
}

/** A command, a file that another one reads, a list: the answers are compared with what they must be. */
async function workIn(session: BoxyardSession, turn: number): Promise<void> {
  const name = `turn-${turn}.txt`;
  const { stdout, exitCode } = await session.exec(`echo "turn ${turn}" | tee ${name}; exit ${turn % 3}`);
  expect([stdout, exitCode]).toEqual([`turn ${turn}\n`, turn % 3]);
  expect(await session.files.readText(name)).toBe(`turn ${turn}\n`);
}

async function watchMemory(pid: number, endsAt: number, samples: number[]): Promise<void> {
  while (Date.now() < endsAt) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    samples.push(Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024);
    await sleep(SAMPLE_MS);
  }
}

/** The lowest counts: what is above it is garbage that has not been collected yet. */
function lowestAfter(samples: readonly number[], part: number): number {
  const from = Math.floor(samples.length * part);
  return Math.min(...samples.slice(from, from + Math.max(2, Math.ceil(samples.length * 0.2))));
}

const summary = (samples: readonly number[]) =>
  [0.1, 0.2, 0.4, 0.6, 0.8]
    .map((part) => `${Math.round(lowestAfter(samples, part) / 1024 ** 2)} MiB`)
    .join(' → ');

const boxesOf = (dataDir: string): Promise<string[]> => readdir(join(dataDir, 'boxes')).catch(() => []);

/** What runs below the data folder: commands, runners, terminals of its boxes. */
async function processesOf(dataDir: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
    if (environment.includes(`BOXYARD_WORKSPACE=${join(dataDir, 'boxes')}`)) found.push(pid);
  }
  return found;
}
