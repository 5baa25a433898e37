// What every test of leases stands on: a real database whose clock can be moved, a provider in plain sight, and any
// number of server processes, played by instances that share nothing but these.
import type { Backend } from '@boxyard/contracts';
import { createBackendRegistry, type Provider } from '@boxyard/sandbox-core';
import { openTestStore, type TestStore } from '@boxyard/store-postgres/testing';
import { v7 as uuidv7 } from 'uuid';
import { expect } from 'vitest';
import {
  BoxLeases,
  type BoxLeasesOptions,
  type LeaseNotice,
  type LeasesSettings,
  type OpenBox,
  type OpenBoxRequest,
  Reaper,
  Sweep,
} from '../src/index.ts';
import { type FakeCloud, fakeCloud } from './fake-cloud.ts';
import { memoryBlobs } from './memory-blobs.ts';

/** In-process waits are short; what the database judges is far longer and passes only when a test says so. */
export const SETTINGS: Partial<LeasesSettings> = { lingerMs: 1, destroyRetryMs: 10_000 };

export interface Server {
  readonly leases: BoxLeases;
  readonly reaper: Reaper;
  readonly sweep: Sweep;
  readonly notices: LeaseNotice[];
}

export interface ServerChanges extends Partial<Omit<BoxLeasesOptions, 'providers'>> {
  readonly provider?: Provider;
  /** The process will be killed: it cannot be closed afterwards. */
  readonly doomed?: boolean;
}

export interface Stage extends AsyncDisposable {
  readonly store: TestStore;
  readonly cloud: FakeCloud;
  readonly blobs: ReturnType<typeof memoryBlobs>;
  server(changes?: ServerChanges): Server;
  /** Moves the database's clock forward, for everybody. */
  advance(ms: number): Promise<void>;
}

export async function openStage(options: { readonly parks?: boolean } = {}): Promise<Stage> {
  const store = await openTestStore();
  const cloud = fakeCloud({ parks: options.parks ?? false });
  const blobs = memoryBlobs();
  const servers: Server[] = [];
  let offsetMs = 0;
  return {
    store,
    cloud,
    blobs,
    server({ provider = cloud.provider, settings, doomed = false, ...changes } = {}) {
      const notices: LeaseNotice[] = [];
      const leases = new BoxLeases({
        deployment: 'test',
        usage: store.usage,
        store: store.leases,
        ledger: store.artifacts,
        blobs,
        providers: createBackendRegistry({ [provider.name as Backend]: provider }),
        onEvent: (notice) => notices.push(notice),
        ...changes,
        settings: { ...SETTINGS, ...settings },
      });
      const sweep = new Sweep(leases.context);
      const server = { leases, sweep, reaper: new Reaper(leases.context, { sweep }), notices };
      if (!doomed) servers.push(server);
      return server;
    },
    async advance(ms) {
      offsetMs += ms;
      await store.setClockOffset(offsetMs);
    },
    async [Symbol.asyncDispose]() {
      for (const { leases, reaper } of servers) {
        await reaper.close();
        await leases.close();
      }
      await store.close();
    },
  };
}

export const group = () => ({ groupId: uuidv7(), workspaceId: uuidv7() });

export function open(
  server: Server,
  stage: Stage,
  of: { readonly groupId: string; readonly workspaceId: string },
  more: Partial<OpenBoxRequest> = {},
): Promise<OpenBox> {
  const backend = stage.cloud.provider.descriptor.backend;
  return server.leases.open({
    ...of,
    holder: { kind: 'request', subject: 'user' },
    spec: { backend },
    ...more,
  });
}

const encoder = new TextEncoder();

export async function write(box: OpenBox, path: string, text: string): Promise<void> {
  await box.markDirty();
  await box.box.files.write(path, encoder.encode(text));
}

export async function read(box: OpenBox, path: string): Promise<string> {
  return new TextDecoder().decode(await box.box.files.read(path));
}

/** Waits for a state that arrives by itself, for instance once a lingering holder has let go. */
export async function state(server: Server, groupId: string, expected: string): Promise<void> {
  await expect
    .poll(async () => (await server.leases.inspect(groupId))?.state, { timeout: 30_000, interval: 5 })
    .toBe(expected);
}
