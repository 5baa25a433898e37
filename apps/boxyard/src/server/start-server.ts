/** Brings every part up in order and down in the reverse order. */
import { loadSettings, type Settings, unknownVariables } from '@boxyard/config';
import {
  type Logger,
  modelEndpointOf,
  OpenedParts,
  openServerParts,
  serveStreams,
  startTurnWorker,
  startUpkeep,
} from '@boxyard/server-parts';
import { openApi } from './api-services.ts';
import { composeProviders } from './compose.ts';
import { ensureDefaultWorkspace, ensureFirstKey } from './first-key.ts';
import { startHttpServer } from './http-server.ts';
import { removeServerRecord, writeServerRecord } from './server-record.ts';

export interface StartServerOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  /** Made from the settings once they are read. */
  readonly log: (level: Settings['logLevel']) => Logger;
}

export interface RunningServer {
  readonly url: string;
  readonly token: string;
  readonly settings: Settings;
  /**
   * No new work; requests get their grace; boxes stay as they are. Answers the groups whose boxes stay, null when
   * the record could not be read.
   */
  stop(): Promise<readonly string[] | null>;
}

/** More than a person reads; the rest is in the record all the same. */
const MAX_NAMED_BOXES = 1_000;

/** @throws SettingsError for wrong settings, SandboxError when the store or a port cannot be had. */
export async function startServer({ env, version, log: logAt }: StartServerOptions): Promise<RunningServer> {
  const settings = loadSettings(env);
  const { dataDir } = settings;
  const log = logAt(settings.logLevel);
  for (const name of unknownVariables(env))
    log.warn({ name }, 'this variable is no setting: is it misspelt?');
  const endpoint = modelEndpointOf(settings);
  const providers = composeProviders(settings);
  // What is opened is closed in the reverse order, also when a later step of the start fails.
  await using opening = new OpenedParts();
  // Asked once somebody can ask: by then it listens.
  let url = '';
  const served = { publicUrl: () => url };
  const parts = await openServerParts({ settings, env, version, log, providers, opening, served });
  const { store } = parts;
  const draining = new AbortController();
  // Without turns of its own it cannot know what workers ask.
  const hasModel = endpoint !== null || settings.turnConcurrency === 0;
  const api = openApi(parts, { hasModel, draining: draining.signal });
  const workspace = await ensureDefaultWorkspace(store.workspaces);
  const token = await ensureFirstKey(dataDir, settings.token ?? undefined, store.keys, workspace);
  await startUpkeep(parts);
  if (endpoint !== null) await startTurnWorker(parts, endpoint);
  const http = await startHttpServer({ app: api.app, host: settings.host, port: settings.port });
  url = http.url;
  opening.defer(() => http.stop(settings.shutdownGraceMs));
  serveStreams(parts, http.server);
  opening.defer(() => draining.abort());
  await writeServerRecord(dataDir, { url: http.url, pid: process.pid });
  log.info({ url: http.url, dataDir }, 'ready');

  const running = opening.move();
  return {
    url: http.url,
    token,
    settings,
    stop: async () => {
      const staying = await store.leases.up(MAX_NAMED_BOXES).catch((error: unknown) => {
        log.warn({ error }, 'which boxes stay could not be read');
        return null;
      });
      await running[Symbol.asyncDispose]();
      await removeServerRecord(dataDir, process.pid);
      return staying?.map(({ groupId }) => groupId) ?? null;
    },
  };
}
