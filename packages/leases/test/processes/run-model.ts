// The lease model: processes of the operating system on one real PostgreSQL and one cloud, killed between any two
// statements, the database's clock jumping. What leases promise is judged at every quiescent point and at the end.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folderBlobStore } from '@boxyard/blobs';
import { openTestStore, type TestStore } from '@boxyard/store-postgres/testing';
import { v7 as uuidv7 } from 'uuid';
import { serveCloud } from './cloud-socket.ts';
import { Dice } from './dice.ts';
import { JudgedCloud } from './judged-cloud.ts';
import { LeaseAudit } from './lease-audit.ts';
import type { Group } from './lease-command.ts';
import { LeaseProcess, type Told } from './lease-processes.ts';
import type { ModelMutant } from './model-mutants.ts';
import { drawStep, type ModelStep } from './model-step.ts';

export interface ModelPlan {
  readonly seed: number;
  readonly steps: number;
  readonly processes: number;
  /** How many of them reap and sweep. */
  readonly reapers: number;
  /** What is wrong with the leases of every process. */
  readonly mutant?: ModelMutant | undefined;
}

/** What a run came to; a run that did nothing proves nothing. */
export interface ModelReport {
  readonly violations: readonly string[];
  readonly confirmedWrites: number;
  readonly boxesMade: number;
  readonly deaths: number;
  readonly outcomes: Readonly<Record<string, number>>;
}

const GROUPS = 4;
const STEPS_BETWEEN_LOOKS = 100;
/** Of all processes together: enough to collide, few enough to be over soon. */
const MAX_PENDING = 10;
const BOUND_MS = 30_000;
/** Longer than any time that the leases wait for in the database. */
const LONG_MS = 3_700_000;

const newGroup = (): Group => ({ groupId: uuidv7(), workspaceId: 'w' });

export async function runModel(plan: ModelPlan): Promise<ModelReport> {
  const dir = await mkdtemp(join(tmpdir(), 'boxyard-lease-model-'));
  const store = await openTestStore();
  try {
    const blobDir = join(dir, 'blobs');
    const audit = await LeaseAudit.install(store, blobDir);
    const processes = new Map<string, LeaseProcess>();
    const cloud = new JudgedCloud(
      (groupId) => audit.read(groupId),
      (caller) => processes.get(caller)?.kill(),
    );
    const socket = join(dir, 'cloud.sock');
    const server = await serveCloud(cloud, socket);
    const model = new Model(plan, { store, audit, cloud, processes, dir, blobDir, socket });
    try {
      return await model.run();
    } finally {
      await Promise.all([...processes.values()].map((process) => process.end()));
      server.close();
    }
  } finally {
    await store.close();
    await rm(dir, { recursive: true, force: true, maxRetries: 10 });
  }
}

interface World {
  readonly store: TestStore;
  readonly audit: LeaseAudit;
  readonly cloud: JudgedCloud;
  readonly processes: Map<string, LeaseProcess>;
  readonly dir: string;
  readonly blobDir: string;
  readonly socket: string;
}

class Model {
  readonly #plan: ModelPlan;
  readonly #world: World;
  readonly #dice: Dice;
  readonly #slots: LeaseProcess[] = [];
  readonly #groups: Group[] = Array.from({ length: GROUPS }, newGroup);
  readonly #everyGroup: Group[] = [...this.#groups];
  readonly #pending = new Set<Promise<unknown>>();
  readonly #outcomes: Record<string, number> = {};
  #offsetMs = 0;
  #started = 0;
  #deaths = 0;

  constructor(plan: ModelPlan, world: World) {
    this.#plan = plan;
    this.#world = world;
    this.#dice = new Dice(plan.seed);
  }

  async run(): Promise<ModelReport> {
    const { steps, processes, reapers } = this.#plan;
    const { cloud } = this.#world;
    await Promise.all(Array.from({ length: processes }, (_, slot) => this.#alive(slot)));
    for (let step = 1; step <= steps && cloud.violations.length === 0; step += 1) {
      await this.#make(drawStep(this.#dice, { processes, reapers, groups: GROUPS }));
      if (step % STEPS_BETWEEN_LOOKS === 0) await this.#look(`step ${step}`);
    }
    if (cloud.violations.length === 0) await this.#endAll();
    return {
      violations: cloud.violations,
      confirmedWrites: cloud.confirmed.size,
      boxesMade: cloud.made,
      deaths: this.#deaths,
      outcomes: this.#outcomes,
    };
  }

  /** The process in this place; a new one when the last one died. */
  async #alive(slot: number): Promise<LeaseProcess> {
    const there = this.#slots[slot];
    if (there !== undefined && !there.isDead) return there;
    if (there !== undefined) this.#deaths += 1;
    const { store, cloud, processes, dir, blobDir, socket } = this.#world;
    this.#started += 1;
    const setup = {
      name: `p${this.#started}`,
      socket,
      blobDir,
      connection: store.connection,
      mutant: this.#plan.mutant,
    };
    const process = new LeaseProcess(setup, dir, (fault) => cloud.violations.push(fault));
    processes.set(process.name, process);
    this.#slots[slot] = process;
    await process.ready();
    return process;
  }

  async #make(step: ModelStep): Promise<void> {
    const { cloud } = this.#world;
    switch (step.step) {
      case 'kill':
        return this.#slots[step.process]?.kill();
      case 'advance':
        return this.#advance(step.ms);
      case 'fault':
        return cloud.fault(step.on, step.fault);
      case 'lose': {
        const lost = this.#groups[step.group]?.groupId;
        for (const [instance, { tag }] of cloud.boxes) if (tag.group === lost) cloud.kill(instance);
        return;
      }
      case 'tell': {
        const group = this.#groups[step.group];
        if (group === undefined) return;
        if (step.command.do === 'delete') {
          this.#groups[step.group] = newGroup();
          this.#everyGroup.push(this.#groups[step.group]!);
        }
        const process = await this.#alive(step.process);
        this.#follow(process.tell({ ...step.command, group } as Parameters<LeaseProcess['tell']>[0]));
        while (this.#pending.size >= MAX_PENDING) await Promise.race(this.#pending);
      }
    }
  }

  #follow(work: Promise<Told>): void {
    const followed = work.then((told) => {
      this.#outcomes[told] = (this.#outcomes[told] ?? 0) + 1;
      this.#pending.delete(followed);
    });
    this.#pending.add(followed);
  }

  async #advance(ms: number): Promise<void> {
    this.#offsetMs += ms;
    await this.#world.store.setClockOffset(this.#offsetMs);
  }

  async #quiet(): Promise<void> {
    await Promise.all(this.#pending);
    await this.#world.cloud.calm();
  }

  /** Nobody is asked for anything any more; after two periods of a reaper only what is named is left. */
  async #look(when: string): Promise<void> {
    const { audit, cloud } = this.#world;
    await this.#quiet();
    await audit.judge(cloud);
    await this.#settles(when, () => audit.unaccounted(cloud));
    await audit.judge(cloud);
  }

  /** Work behind an answer may still be under way; what never ends it is a violation. */
  async #settles(when: string, leftovers: () => Promise<readonly string[]>): Promise<void> {
    const endsAt = performance.now() + BOUND_MS;
    let left: readonly string[] = [];
    do {
      for (let period = 0; period < 2; period += 1) {
        const reaper = await this.#alive(period % this.#plan.reapers);
        this.#follow(reaper.tell({ do: 'tick' }));
        this.#follow(reaper.tell({ do: 'sweep' }));
        await this.#quiet();
      }
      left = await leftovers();
    } while (left.length > 0 && performance.now() < endsAt);
    for (const one of left) this.#world.cloud.violations.push(`${when}: ${one}`);
  }

  /** Every group is deleted: neither a box nor a byte may be left. */
  async #endAll(): Promise<void> {
    const { store, audit, cloud, blobDir } = this.#world;
    await this.#look('the end');
    for (const group of this.#everyGroup) {
      const process = await this.#alive(0);
      this.#follow(process.tell({ do: 'delete', group }));
    }
    await this.#quiet();
    await this.#settles('everything deleted', async () => {
      await this.#advance(LONG_MS);
      const rows = await store.sql<{ what: string }[]>`
        SELECT 'condemned ' || instance AS what FROM condemned_boxes
        UNION ALL SELECT 'artifact ' || archive_key || ' ' || state FROM artifacts
      `;
      const blobs: string[] = [];
      for await (const { key } of folderBlobStore({ dir: blobDir }).list('')) blobs.push(`blob ${key}`);
      return [...cloud.boxes.keys(), ...rows.map(({ what }) => what), ...blobs];
    });
    await audit.judge(cloud);
  }
}
