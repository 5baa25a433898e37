/** Real parts for the tests of this package: PostgreSQL, local boxes, and a model server that plays a script. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folderBlobStore } from '@boxyard/blobs';
import { CreateSessionRequest, PostMessageRequest, SessionEvent, type Turn } from '@boxyard/contracts';
import { BoxLeases, type LeasesSettings, Reaper } from '@boxyard/leases';
import { localProvider } from '@boxyard/providers-local';
import { createBackendRegistry, createSealer, type Provider } from '@boxyard/sandbox-core';
import { type Script, type ScriptedModel, startScriptedModel } from '@boxyard/scripted-model';
import { ActiveBoxes, SessionService } from '@boxyard/sessions';
import { openTestStore, type TestStore } from '@boxyard/store-postgres/testing';
import { eventually } from '@tooling/eventually';
import { v7 as uuidv7 } from 'uuid';
import { onTestFinished } from 'vitest';
import {
  DEFAULT_INSTRUCTIONS,
  DEFAULT_TURN_SETTINGS,
  endpointModel,
  type ModelEndpoint,
  TurnRunner,
  type TurnRunnerOptions,
  type TurnSettings,
  TurnWorker,
} from '../src/index.ts';
import { TurnService } from '../src/service.ts';

export interface TurnsStage {
  readonly store: TestStore;
  readonly workspaceId: string;
  readonly sessionId: string;
  readonly groupId: string;
  readonly boxes: ActiveBoxes;
  /** Does not tick by itself. */
  readonly reaper: Reaper;
  readonly provider: Provider;
  readonly sessions: SessionService;
  readonly turns: TurnService;
  readonly model: ScriptedModel;
  /** Troubles that workers told of. */
  readonly troubles: unknown[];
  /** Asks the scripted model where `endpoint` names no other. */
  worker(
    settings?: Partial<TurnSettings>,
    endpoint?: Partial<ModelEndpoint>,
    runner?: Partial<TurnRunnerOptions>,
  ): Promise<TurnWorker>;
  post(text: string, more?: object): Promise<string>;
  turn(turnId: string): Promise<Turn>;
  /** Waits for the end of the turn. */
  ended(turnId: string): Promise<Turn>;
  events(): Promise<readonly SessionEvent[]>;
  /** Text of a file of the session's box. */
  file(path: string): Promise<string | null>;
}

export interface StageChanges {
  readonly provider?: (local: Provider) => Provider;
  readonly leases?: Partial<LeasesSettings>;
  readonly source?: object;
}

export async function openStage(
  script: Script,
  environment: Record<string, string> = {},
  changes: StageChanges = {},
): Promise<TurnsStage> {
  const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-turns-'));
  const store = await openTestStore();
  const model = await startScriptedModel({ script });
  const local = localProvider({ dataDir });
  const provider = changes.provider?.(local) ?? local;
  const providers = createBackendRegistry({ local: provider });
  const leases = new BoxLeases({
    deployment: 'test',
    store: store.leases,
    ledger: store.artifacts,
    blobs: folderBlobStore({ dir: join(dataDir, 'blobs') }),
    providers,
    usage: store.usage,
    settings: changes.leases,
  });
  const reaper = new Reaper(leases.context);
  const parts = {
    sessions: store.sessions,
    pointers: store.pointers,
    events: store.events,
    leases,
    leaseStore: store.leases,
    sealer: createSealer(['a secret of at least thirty-two characters']),
    openDeadlineMs: 60_000,
  };
  const boxes = new ActiveBoxes({ ...parts, cacheMs: 5_000 });
  const sessions = new SessionService({
    ...parts,
    boxes,
    providers,
    defaultBackend: 'local',
    endRunning: async () => undefined,
    tokenHideFirstMs: 0,
  });
  const workspaceId = uuidv7();
  await store.workspaces.create({ id: workspaceId, slug: 'test', createdAt: new Date() });
  const created = await sessions.create(
    workspaceId,
    CreateSessionRequest.parse({ environment, source: changes.source }),
  );
  const sessionId = created.id;
  const workers: TurnWorker[] = [];
  const troubles: unknown[] = [];
  onTestFinished(async () => {
    for (const worker of workers) await worker[Symbol.asyncDispose]();
    const { items } = await sessions.list(workspaceId, { limit: 100 });
    for (const session of items) await sessions.delete(workspaceId, session.id);
    await reaper.close();
    await leases.close();
    await model.close();
    await store.close();
    await rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
  });

  const service = new TurnService({ turns: store.turns, hasModel: true });
  const events = async () => {
    const stored = await store.events.read(sessionId, { after: 0, limit: 5_000 });
    return stored.map(({ data, at, ...event }) =>
      SessionEvent.parse({ ...event, at: at.toISOString(), payload: data }),
    );
  };
  const stage: TurnsStage = {
    store,
    workspaceId,
    sessionId,
    groupId: created.sandboxGroupId,
    boxes,
    reaper,
    provider,
    sessions,
    turns: service,
    model,
    troubles,
    async worker(own = {}, endpoint = {}, more = {}) {
      const settings = { ...DEFAULT_TURN_SETTINGS, ...own };
      const runner = new TurnRunner({
        turns: store.turns,
        boxes: { boxes, service: sessions, sessions: store.sessions, providers },
        model: await endpointModel({
          baseUrl: model.baseUrl,
          model: 'scripted',
          apiKey: null,
          protocol: 'responses',
          ...endpoint,
        }),
        usage: store.usage,
        instructions: DEFAULT_INSTRUCTIONS,
        settings,
        ...more,
      });
      const worker = new TurnWorker({
        turns: store.turns,
        runner,
        worker: `worker-${workers.length}`,
        settings,
        onTrouble: (error) => troubles.push(error),
      });
      workers.push(worker);
      return worker;
    },
    async post(text, more = {}) {
      const request = PostMessageRequest.parse({ text, ...more });
      return (await service.post(workspaceId, sessionId, request)).turnId;
    },
    turn: (turnId) => service.get(workspaceId, sessionId, turnId),
    ended: (turnId) =>
      eventually(`the end of the turn, with ${troubles.length} troubles`, async () => {
        const turn = await stage.turn(turnId);
        return turn.endedAt === null ? null : turn;
      }),
    events,
    async file(path) {
      const holder = { kind: 'request', id: uuidv7(), subject: 'test' } as const;
      await using active = await boxes.open(workspaceId, sessionId, holder);
      if ((await active.box.files.stat(path)) === null) return null;
      return new TextDecoder().decode(await active.box.files.read(path));
    },
  };
  return stage;
}

const TERMINAL = ['turn.completed', 'turn.failed', 'turn.cancelled'];
/** The one end of a turn. @throws when there are more, or none. */
export function terminalOf(events: readonly SessionEvent[], turnId: string): SessionEvent {
  const ends = events.filter((event) => event.turnId === turnId && TERMINAL.includes(event.type));
  if (ends.length !== 1 || ends[0] === undefined)
    throw new Error(`There are ${ends.length} terminal events.`);
  if (events.filter((event) => event.turnId === turnId).at(-1) !== ends[0])
    throw new Error('Something came after the terminal event.');
  return ends[0];
}
