import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folderBlobStore } from '@boxyard/blobs';
import { CreateSessionRequest, SwapSandboxRequest } from '@boxyard/contracts';
import { BoxLeases, Reaper, Sweep } from '@boxyard/leases';
import { Crash, MemoryAccount, memoryProvider } from '@boxyard/sandbox-conformance';
import { createBackendRegistry, createSealer, type PointerStore, systemClock } from '@boxyard/sandbox-core';
import { openTestStore, type TestStore } from '@boxyard/store-postgres/testing';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ActiveBoxes } from '../src/active-boxes.ts';
import { SessionService } from '../src/session-service.ts';

/** Longer than any wait or time to live of a swap. */
const LONG_MS = 6 * 3_600_000;
// Far more answers than a swap takes: the run that reaches its end was not killed at all.
const MAX_ANSWERS = 150;
const WORKSPACE = uuidv7();
const sealer = createSealer(['a secret of at least thirty-two characters']);
const holder = () => ({ kind: 'request', id: uuidv7(), subject: 'test' }) as const;
const bytes = (text: string) => new Uint8Array(Buffer.from(text));

let store: TestStore;
let blobDir: string;
const account = new MemoryAccount();
let offsetMs = 0;

beforeAll(async () => {
  blobDir = await mkdtemp(join(tmpdir(), 'boxyard-swap-crash-'));
  store = await openTestStore();
});
afterAll(async () => {
  await store.close();
  await rm(blobDir, { recursive: true, force: true });
});

/** One server process on the shared record and account. With a crash it is killed by that. */
function openServer(crash?: Crash) {
  const port = <Port extends object>(own: Port): Port => crash?.port(own) ?? own;
  const swaps: Promise<unknown>[] = [];
  const pointers: PointerStore = {
    read: (...call) => store.pointers.read(...call),
    subscribe: (...call) => store.pointers.subscribe(...call),
    swap: (...call) => {
      const swap = store.pointers.swap(...call);
      swaps.push(swap);
      return swap;
    },
  };
  const own = memoryProvider({ account });
  const provider = crash?.provider(own) ?? own;
  const leases = new BoxLeases({
    deployment: 'test',
    store: port(store.leases),
    ledger: port(store.artifacts),
    blobs: port(folderBlobStore({ dir: blobDir })),
    providers: createBackendRegistry({ local: provider }),
    clock: crash?.clock(systemClock) ?? systemClock,
    settings: { lingerMs: 1 },
  });
  const parts = {
    sessions: port(store.sessions),
    pointers: port(pointers),
    events: port(store.events),
    leases,
    leaseStore: port(store.leases),
    sealer,
    providers: createBackendRegistry({ local: provider }),
    openDeadlineMs: 60_000,
  };
  const boxes = new ActiveBoxes({ ...parts, cacheMs: 1 });
  const service = new SessionService({
    ...parts,
    boxes,
    defaultBackend: 'local',
    endRunning: async () => undefined,
  });
  const reaper = new Reaper(leases.context, { sweep: new Sweep(leases.context) });
  return {
    boxes,
    service,
    leases,
    /** What it had sent to the record when it was killed is done there, or is not. */
    settled: () => Promise.allSettled(swaps),
    /** What the reaper and retention do as time goes by. */
    async twoPeriods() {
      for (let period = 0; period < 2; period += 1) {
        offsetMs += LONG_MS;
        await store.setClockOffset(offsetMs);
        await reaper.tick();
        for (const group of await store.sessions.abandonedGroups(100))
          await service.removeGroup(group.workspaceId, group.id);
      }
    },
    async close() {
      await reaper.close();
      await leases.close();
    },
  };
}

const groups = async () =>
  (await store.sql<{ id: string }[]>`SELECT id FROM box_groups ORDER BY id`).map(({ id }) => id);
const machines = () =>
  account
    .list()
    .map(({ tag }) => tag.group)
    .sort();

describe.each([{ carry: false }, { carry: true }])(
  'a server that is killed at any await of a swap (carry: $carry)',
  ({ carry }) => {
    test('leaves the old box active or the new one, never a rival, and nothing that stays', {
      timeout: 120_000,
    }, async () => {
      let survived = false;
      let kills = 0;
      const ends = new Set<number>();
      for (let at = 1; at < MAX_ANSWERS && !survived; at += 1) {
        const first = openServer();
        const request = CreateSessionRequest.parse({});
        const session = await first.service.create(WORKSPACE, request);
        {
          await using home = await first.boxes.open(WORKSPACE, session.id, holder(), { mutates: true });
          await home.box.files.write('file', bytes('kept'));
        }
        const crash = new Crash(at);
        const doomed = openServer(crash);
        const swap = SwapSandboxRequest.parse({ target: { backend: 'local' }, carry, expectedEpoch: 0 });
        const work = doomed.service.swap(WORKSPACE, session.id, swap, { holder: holder() });
        survived = await Promise.race([work.then(() => true), crash.died.then(() => false)]);
        if (!survived) kills += 1;
        await doomed.settled();

        // One that knows nothing from before: others may believe the old pointer for a second.
        const next = openServer();
        // Where the session works is one of two, for everybody, and its event says the same.
        const said = `killed at ${at}`;
        const { activeSandboxId, activeEpoch } = await next.service.get(WORKSPACE, session.id);
        expect([activeSandboxId === null, activeEpoch], said).toEqual([activeEpoch === 0, activeEpoch]);
        expect([0, 1], said).toContain(activeEpoch);
        ends.add(activeEpoch);
        const events = await store.events.read(session.id, { after: 0, limit: 100 });
        expect(events.filter(({ type }) => type === 'sandbox.swapped').length, said).toBe(activeEpoch);
        expect(new Set(machines()).size, said).toBe(machines().length);
        {
          await using active = await next.boxes.open(WORKSPACE, session.id, holder(), { mutates: true });
          expect(active.group.id, said).toBe(activeSandboxId ?? session.sandboxGroupId);
          const file = await active.box.files.stat('file');
          expect(file !== null, said).toBe(activeEpoch === 0 || carry);
          await active.box.files.write('more', bytes('x'));
        }

        await next.twoPeriods();
        const used = [session.sandboxGroupId, ...(activeSandboxId === null ? [] : [activeSandboxId])].sort();
        expect(await groups(), said).toEqual(used);
        expect(used, said).toEqual(expect.arrayContaining(machines()));
        // The box that was left is as it was.
        await using home = await next.boxes.openGroup(session.sandboxGroupId, holder());
        expect(Buffer.from(await home.box.files.read('file')).toString(), said).toBe('kept');
        await home[Symbol.asyncDispose]();

        await next.service.delete(WORKSPACE, session.id);
        await next.twoPeriods();
        expect([await groups(), machines()], said).toEqual([[], []]);
        await next.close();
        await first.close();
        // It may still be killed while it closes.
        if (survived) await Promise.race([doomed.close(), crash.died]);
      }
      expect(survived).toBe(true);
      expect(kills).toBeGreaterThan(carry ? 20 : 12);
      expect([...ends].sort()).toEqual([0, 1]);
    });
  },
);
