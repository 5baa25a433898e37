/** A process that serves nothing: it runs turns, and looks after boxes, on a record that it shares with servers. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { loadSettings, type Settings, unknownVariables } from '@boxyard/config';
import { SandboxError } from '@boxyard/sandbox-core';
import {
  type Logger,
  modelEndpointOf,
  OpenedParts,
  openServerParts,
  type ServerParts,
  startTurnWorker,
  startUpkeep,
} from '@boxyard/server-parts';
import { composeProviders } from './compose.ts';
import { startWorkerListener, type WorkerListener } from './worker-listener.ts';

export interface StartWorkerOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  /** Made from the settings once they are read. */
  readonly log: (level: Settings['logLevel']) => Logger;
}

export interface RunningWorker {
  readonly settings: Settings;
  /** Where it tells its health and metrics; null when it does not. */
  readonly url: string | null;
  /** Hands its turns over: what runs in boxes goes on, and another worker takes the turns up at once. Boxes stay. */
  stop(): Promise<void>;
}

/**
 * @throws SettingsError for wrong settings, SandboxError `configuration` when something is missing that servers and
 * workers share, or what the record throws.
 */
export async function startWorker({ env, version, log: logAt }: StartWorkerOptions): Promise<RunningWorker> {
  const settings = loadSettings(env);
  const log = logAt(settings.logLevel);
  for (const name of unknownVariables(env))
    log.warn({ name }, 'this variable is no setting: is it misspelt?');
  await checkShared(settings);
  const endpoint = modelEndpointOf(settings);
  if (endpoint === null && settings.turnConcurrency > 0)
    throw missing('a model', 'BOXYARD_MODEL_BASE_URL and BOXYARD_MODEL, or BOXYARD_TURN_CONCURRENCY=0');
  const providers = composeProviders(settings);
  await using opening = new OpenedParts();
  const parts = await openServerParts({ settings, env, version, log, providers, opening });
  const draining = new AbortController();
  let turns: { readonly running: number } | null = null;
  // Before what it tells of, so that it tells until that has ended.
  const listener = await startListener(parts, draining.signal, () => turns?.running ?? 0);
  await startUpkeep(parts);
  if (endpoint !== null) turns = await startTurnWorker(parts, endpoint);
  const url = listener?.url ?? null;
  log.info({ dataDir: settings.dataDir, pid: process.pid, turns: settings.turnConcurrency, url }, 'ready');
  const running = opening.move();
  return {
    settings,
    url,
    stop: () => {
      draining.abort();
      return running[Symbol.asyncDispose]();
    },
  };
}

/** Null where the settings want none. */
async function startListener(
  { settings, meters, opening }: ServerParts,
  draining: AbortSignal,
  turnsRunning: () => number,
): Promise<WorkerListener | null> {
  const { workerPort: port, metricsToken } = settings;
  if (port === null) return null;
  const renderMetrics = () => meters.render();
  return opening.use(
    await startWorkerListener({ port, draining, turnsRunning, renderMetrics, metricsToken }),
  );
}

/** One that makes up its own would work on another record, or could not read what servers sealed. */
async function checkShared({ databaseUrl, secretKey, dataDir }: Settings): Promise<void> {
  if (databaseUrl === null) throw missing('a database', 'BOXYARD_DATABASE_URL as the servers have it');
  if (secretKey !== null) return;
  await access(join(dataDir, 'secret-key')).catch(() => {
    throw missing('the secret key', "BOXYARD_SECRET_KEY, or BOXYARD_DATA_DIR to the server's data folder");
  });
}

const missing = (what: string, settings: string) =>
  new SandboxError('configuration', `The worker did not start: it has not got ${what}. Set ${settings}.`, {
    started: 'no',
  });
