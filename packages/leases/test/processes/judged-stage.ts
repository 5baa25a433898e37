// The judged cloud and the audit around processes that are played by instances of this one: for interleavings that
// are told step by step.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folderBlobStore } from '@boxyard/blobs';
import { createBackendRegistry } from '@boxyard/sandbox-core';
import { openTestStore, type TestStore } from '@boxyard/store-postgres/testing';
import { v7 as uuidv7 } from 'uuid';
import { BoxLeases, type LeasesSettings, type OpenBox, Reaper } from '../../src/index.ts';
import type { AskCloud, CloudRequestKind } from './cloud-call.ts';
import { cloudProvider } from './cloud-provider.ts';
import { JudgedCloud } from './judged-cloud.ts';
import { LeaseAudit } from './lease-audit.ts';
import type { Group } from './lease-command.ts';
import { MODEL_SETTINGS } from './model-settings.ts';

/** Stops whoever comes first until it is opened. */
export class Gate {
  readonly reached: Promise<void>;
  readonly #opened: Promise<void>;
  #reach: () => void = () => {};
  open: () => void = () => {};

  constructor() {
    this.reached = new Promise((resolve) => {
      this.#reach = resolve;
    });
    this.#opened = new Promise((resolve) => {
      this.open = resolve;
    });
  }

  async pass(): Promise<void> {
    this.#reach();
    await this.#opened;
  }
}

export class JudgedServer {
  readonly leases: BoxLeases;
  readonly reaper: Reaper;
  readonly #ask: AskCloud;
  readonly #gates = new Map<CloudRequestKind, Gate>();

  constructor(stage: JudgedStage, settings: Partial<LeasesSettings>) {
    const name = uuidv7();
    this.#ask = async (request) => {
      const gate = this.#gates.get(request.do);
      this.#gates.delete(request.do);
      const value = await stage.cloud.ask(name, request);
      // What was asked has happened; its asker does not hear of it yet.
      await gate?.pass();
      return value;
    };
    this.leases = new BoxLeases({
      deployment: 'model',
      store: stage.store.leases,
      ledger: stage.store.artifacts,
      blobs: folderBlobStore({ dir: stage.blobDir }),
      providers: createBackendRegistry({ docker: cloudProvider(this.#ask) }),
      settings: { ...MODEL_SETTINGS, openDeadlineMs: 30_000, spawnDeadlineMs: 30_000, ...settings },
    });
    this.reaper = new Reaper(this.leases.context);
  }

  /** The next answer of this kind is held back from this server alone. */
  hold(kind: CloudRequestKind): Gate {
    const gate = new Gate();
    this.#gates.set(kind, gate);
    return gate;
  }

  open(group: Group, kind: 'turn' | 'process' = 'process', id: string = uuidv7()): Promise<OpenBox> {
    return this.leases.open({ ...group, holder: { kind, id, subject: 'user' }, spec: { backend: 'docker' } });
  }

  /** A write whose writer still had its lease afterwards. */
  async write(box: OpenBox): Promise<void> {
    const write = uuidv7();
    await box.markDirty();
    await box.box.exec({ program: { argv: ['write', write] } });
    await box.gaveInput();
    await this.#ask({ do: 'confirm', write });
  }
}

export class JudgedStage implements AsyncDisposable {
  readonly store: TestStore;
  readonly cloud: JudgedCloud;
  readonly audit: LeaseAudit;
  readonly blobDir: string;
  readonly #servers: JudgedServer[] = [];
  #offsetMs = 0;

  private constructor(store: TestStore, audit: LeaseAudit, blobDir: string) {
    this.store = store;
    this.audit = audit;
    this.blobDir = blobDir;
    this.cloud = new JudgedCloud((groupId) => audit.read(groupId));
  }

  static async open(): Promise<JudgedStage> {
    const blobDir = await mkdtemp(join(tmpdir(), 'boxyard-judged-'));
    const store = await openTestStore();
    return new JudgedStage(store, await LeaseAudit.install(store, blobDir), blobDir);
  }

  server(settings: Partial<LeasesSettings> = {}): JudgedServer {
    const server = new JudgedServer(this, settings);
    this.#servers.push(server);
    return server;
  }

  /** The row of the lease, locked as a statement of another process would, until it is let go. */
  async lockLease(groupId: string): Promise<AsyncDisposable & { release(): Promise<void> }> {
    const sql = await this.store.sql.reserve();
    await sql`BEGIN`;
    await sql`SELECT FROM leases WHERE group_id = ${groupId} FOR UPDATE`;
    let isHeld = true;
    const release = async () => {
      if (!isHeld) return;
      isHeld = false;
      await sql`COMMIT`;
      sql.release();
    };
    return { release, [Symbol.asyncDispose]: release };
  }

  /** Whether some statement waits for a lock that another has. */
  async waitsForLock(): Promise<boolean> {
    const waiting = await this.store.sql`
      SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
    `;
    return waiting.length > 0;
  }

  async advance(ms: number): Promise<void> {
    this.#offsetMs += ms;
    await this.store.setClockOffset(this.#offsetMs);
  }

  /** What was seen to break a promise so far. */
  async violations(): Promise<readonly string[]> {
    await this.cloud.calm();
    await this.audit.judge(this.cloud);
    return this.cloud.violations;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { leases } of this.#servers) await leases.close();
    await this.store.close();
    await rm(this.blobDir, { recursive: true, force: true, maxRetries: 10 });
  }
}

export const newGroup = (): Group => ({ groupId: uuidv7(), workspaceId: 'w' });
