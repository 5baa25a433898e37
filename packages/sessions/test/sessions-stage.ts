/** Real parts for the tests of this package: PostgreSQL, local boxes, a folder of blobs. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folderBlobStore } from '@boxyard/blobs';
import { type Backend, CreateSessionRequest } from '@boxyard/contracts';
import { BoxLeases } from '@boxyard/leases';
import { localProvider } from '@boxyard/providers-local';
import { createBackendRegistry, createSealer, type Provider } from '@boxyard/sandbox-core';
import { openTestStore, type TestStore } from '@boxyard/store-postgres/testing';
import { v7 as uuidv7 } from 'uuid';
import { onTestFinished } from 'vitest';
import { ActiveBoxes } from '../src/active-boxes.ts';
import { SessionService } from '../src/session-service.ts';

export interface SessionsStage {
  readonly workspaceId: string;
  readonly store: TestStore;
  readonly service: SessionService;
  readonly boxes: ActiveBoxes;
  readonly leases: BoxLeases;
  readonly otherServer: () => ActiveBoxes;
  readonly dataDir: string;
  /** As a request of the API would be parsed. */
  readonly request: (body?: object) => CreateSessionRequest;
}

/** @param others providers of backends besides local boxes. */
export async function openStage(
  others: (local: Provider) => Partial<Record<Backend, Provider>> = () => ({}),
): Promise<SessionsStage> {
  // A data folder may be called anything.
  const dataDir = await mkdtemp(join(tmpdir(), "boxyard-session's -"));
  const store = await openTestStore();
  const local = localProvider({ dataDir });
  const providers = createBackendRegistry({ local, ...others(local) });
  const leasesOptions = {
    deployment: 'test',
    store: store.leases,
    ledger: store.artifacts,
    blobs: folderBlobStore({ dir: join(dataDir, 'blobs') }),
  };
  const leases = new BoxLeases({ ...leasesOptions, providers });
  const sealer = createSealer(['a secret of at least thirty-two characters']);
  const parts = {
    sessions: store.sessions,
    pointers: store.pointers,
    events: store.events,
    leases,
    leaseStore: store.leases,
    sealer,
    openDeadlineMs: 60_000,
  };
  const boxes = new ActiveBoxes({ ...parts, cacheMs: 5_000 });
  const service = new SessionService({
    ...parts,
    boxes,
    providers,
    defaultBackend: 'local',
    endRunning: async () => undefined,
    tokenHideFirstMs: 0,
  });
  const workspaceId = uuidv7();
  await store.workspaces.create({ id: workspaceId, slug: 'test', createdAt: new Date() });
  onTestFinished(async () => {
    const { items } = await service.list(workspaceId, { limit: 100 });
    for (const session of items) await service.delete(workspaceId, session.id);
    await leases.close();
    await store.close();
    await rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
  });
  return {
    workspaceId,
    store,
    service,
    boxes,
    leases,
    dataDir,
    // What another server process on the same record knows and has open.
    otherServer: () => {
      const there = new BoxLeases({ ...leasesOptions, providers });
      onTestFinished(() => there.close());
      return new ActiveBoxes({ ...parts, leases: there, cacheMs: 5_000 });
    },
    request: (body = {}) => CreateSessionRequest.parse(body),
  };
}

/** What a command in the session's box prints; an exit code that is not 0 fails the test. */
export async function run(
  { boxes, workspaceId }: SessionsStage,
  sessionId: string,
  script: string,
): Promise<string> {
  const holder = { kind: 'request', id: uuidv7(), subject: 'test' } as const;
  await using active = await boxes.open(workspaceId, sessionId, holder, { mutates: true });
  const result = await active.box.exec({ program: { script } });
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (result.exitCode !== 0)
    throw new Error(`${script} ended with ${result.exitCode}: ${text(result.stderr)}`);
  return text(result.stdout);
}
