import { openInstallation } from './installation.ts';
import { killAtRandom, randomOf } from './kills.ts';
import { proveNobodyConnected, proveNothingLeft, proveNothingOfTheDead, proveTurns } from './proof.ts';
import { stateOf } from './state.ts';
import { workInSession } from './workload.ts';

export interface ScaleOutOptions {
  readonly servers: number;
  readonly workers: number;
  readonly sessions: number;
  /** How long tasks are given and processes killed. */
  readonly durationMs: number;
  readonly killEveryMs: number;
  readonly commandSeconds: number;
  readonly seed: number;
  /** Told what happens. */
  readonly say: (line: string) => void;
}

export interface ScaleOutReport {
  readonly turns: number;
  /** Turns that more than one worker took up. */
  readonly turnsTakenOver: number;
  /** How often each process was killed. */
  readonly kills: Readonly<Record<string, number>>;
  readonly modelRequests: number;
  readonly seconds: number;
  /** What should not be; empty when all is well. */
  readonly wrong: readonly string[];
}

/** Longer than any turn should take while nobody is killed. */
const QUIET_MS = 40_000;

/** Lets agents work while processes are killed, and looks whether anything is lost, done twice or left over. */
export async function runScaleOut(options: ScaleOutOptions): Promise<ScaleOutReport> {
  const { durationMs, killEveryMs, seed, say } = options;
  const startedMs = performance.now();
  await using installation = await openInstallation(options);
  const { servers, workers, store, model } = installation;
  say(`${servers.length} servers and ${workers.length} workers are ready; seed ${seed}`);

  const endMs = performance.now() + durationMs;
  const isOver = () => performance.now() >= endMs;
  const kills: Record<string, number> = {};
  let ended = 0;
  const killing = killAtRandom(installation, {
    everyMs: killEveryMs,
    random: randomOf(seed),
    isOver,
    onKill: (name) => {
      kills[name] = (kills[name] ?? 0) + 1;
      say(`kill -9 of ${name}; ${ended} turns have ended`);
    },
  });
  let lastEndMs = performance.now();
  const onTurn = () => {
    ended += 1;
    lastEndMs = performance.now();
  };
  const watching = setInterval(() => {
    if (performance.now() - lastEndMs < QUIET_MS) return;
    lastEndMs = performance.now();
    stateOf(installation).then(
      (lines) => [`no turn ended for ${QUIET_MS / 1000} s`, ...lines].forEach((line) => void say(line)),
      (error: unknown) => say(`where things stand could not be read: ${error}`),
    );
  }, 1_000);
  const working = Array.from({ length: options.sessions }, (_, index) =>
    workInSession(installation, index, { isOver, onTurn }),
  );
  const [sessions] = await Promise.all([Promise.all(working), killing]).catch(async (error: unknown) => {
    clearInterval(watching);
    for (const line of await stateOf(installation)) say(line);
    throw error;
  });
  clearInterval(watching);
  say(`${ended} turns have ended; looking at what is there`);
  const wrong = [
    ...(await proveTurns(installation, sessions)),
    ...(await proveNothingOfTheDead(installation)),
  ];
  const [taken] = await store.sql<{ count: number }[]>`SELECT count(*)::int FROM turns WHERE attempt > 1`;
  wrong.push(...(await proveNothingLeft(installation, sessions)));
  await Promise.all(
    [...servers.map(({ member }) => member), ...workers].map((member) => member.end('SIGTERM')),
  );
  wrong.push(...(await proveNobodyConnected(installation)));
  return {
    turns: sessions.reduce((sum, { turns }) => sum + turns.length, 0),
    turnsTakenOver: taken?.count ?? 0,
    kills,
    modelRequests: model.requests,
    seconds: Math.round((performance.now() - startedMs) / 1000),
    wrong,
  };
}
