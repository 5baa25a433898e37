// Seven ways of getting leases wrong, each on a real PostgreSQL in the order of events that brings it out. The judges
// are those of the model with many processes: silent about leases as they are, loud about each that is wrong.
import { SandboxError } from '@boxyard/sandbox-core';
import { describe, expect, test } from 'vitest';
import { DEFAULT_LEASES_SETTINGS, Sweep } from '../../src/index.ts';
import { Gate, JudgedStage, newGroup } from './judged-stage.ts';
import {
  countBeforeLock,
  destroyBeforeCapture,
  ignoreAttempt,
  ignoreEpoch,
  SweepByAge,
  skipLocked,
} from './mutants.ts';

interface Scenario {
  readonly name: string;
  /** What the judges say of the mutant. */
  readonly caught: RegExp;
  readonly play: (stage: JudgedStage, isMutant: boolean) => Promise<void>;
}

const CLAIM_IS_OVER_MS = 700_000;
const IDLE_IS_OVER_MS = 1_000_000;
const BOUND = { timeout: 30_000, interval: 10 };

/** Refusals are part of every scenario; anything else is a fault. */
const settled = (work: Promise<unknown>) =>
  work.catch((error: unknown) => {
    if (!SandboxError.isInstance(error)) throw error;
  });

const stateOf = async (stage: JudgedStage, groupId: string) =>
  (await stage.store.leases.read(groupId))?.state;

/** A spawner is overtaken while the answer to one of its calls is on its way; then it goes on. */
async function overtakenAt(
  held: 'create' | 'run',
  stage: JudgedStage,
  mutate: (slow: ReturnType<JudgedStage['server']>) => void,
): Promise<void> {
  const group = newGroup();
  const [slow, next] = [stage.server(), stage.server()];
  mutate(slow);
  const late = slow.hold(held);
  const first = settled(slow.open(group));
  await late.reached;
  await stage.advance(CLAIM_IS_OVER_MS);
  const making = next.hold('create');
  const second = settled(next.open(group));
  await making.reached;
  late.open();
  // Its box is either given up or named by a lease that is of another epoch.
  await expect
    .poll(async () => !stage.cloud.boxes.has('box-1') || (await stage.violations()).length > 0, BOUND)
    .toBe(true);
  making.open();
  await second;
  await slow.leases.close();
  await first;
}

const scenarios: readonly Scenario[] = [
  {
    name: 'created does not look at the epoch',
    caught: /a stale writer of epoch 1 was taken/,
    play: (stage, isMutant) =>
      overtakenAt('create', stage, (slow) => {
        if (isMutant) ignoreEpoch(slow.leases.context, 'created');
      }),
  },
  {
    name: 'commit does not look at the epoch',
    caught: /a stale writer of epoch 1 was taken/,
    play: (stage, isMutant) =>
      overtakenAt('run', stage, (slow) => {
        if (isMutant) ignoreEpoch(slow.leases.context, 'commit');
      }),
  },
  {
    name: 'a reaper counts holders before it has the row to itself',
    caught: /a kept lease was drained/,
    async play(stage, isMutant) {
      const group = newGroup();
      const [user, reaping] = [stage.server(), stage.server()];
      await (await user.open(group)).close();
      await expect.poll(() => stateOf(stage, group.groupId), BOUND).toBe('draining');
      await stage.advance(IDLE_IS_OVER_MS);
      const counted = new Gate();
      if (isMutant) countBeforeLock(reaping.leases.context, counted);
      else pauseAfterReading(reaping, counted);
      const tick = reaping.reaper.tick();
      await counted.reached;
      const again = await user.open(group);
      counted.open();
      await tick;
      await again.close();
    },
  },
  {
    name: 'who acquires passes over a locked row',
    caught: /two processes made the box of \S+ 1/,
    async play(stage, isMutant) {
      const group = newGroup();
      const [user, loser] = [stage.server(), stage.server()];
      if (isMutant) skipLocked(loser.leases.context, stage.store);
      await using _ = await user.open(group);
      await using lock = await stage.lockLease(group.groupId);
      const opening = settled(loser.open(group).then((box) => box.close()));
      // It waits for the row, or it did not and makes a box.
      await expect
        .poll(async () => (await stage.violations()).length > 0 || (await stage.waitsForLock()), BOUND)
        .toBe(true);
      await lock.release();
      await opening;
    },
  },
  {
    name: 'a heartbeat does not look at the attempt',
    caught: /a process that died still keeps the box/,
    async play(stage, isMutant) {
      const group = newGroup();
      const [replaced, dead, reaping] = [
        stage.server(),
        stage.server({
          holders: { ...DEFAULT_LEASES_SETTINGS.holders, turn: { heartbeatMs: 3_600_000, ttlMs: 20_000 } },
        }),
        stage.server(),
      ];
      if (isMutant) ignoreAttempt(replaced.leases.context);
      const first = await replaced.open(group, 'turn', 'turn');
      await dead.open(group, 'turn', 'turn');
      for (let beats = 0; beats < 3; beats += 1) {
        await settled(first.gaveInput());
        await stage.advance(15_000);
      }
      await reaping.reaper.tick();
      if ((await stateOf(stage, group.groupId)) !== 'draining')
        stage.cloud.violations.push('a process that died still keeps the box');
    },
  },
  {
    name: 'a box is destroyed before it is captured',
    caught: /was destroyed while the terminating lease|no archive holds it/,
    async play(stage, isMutant) {
      const group = newGroup();
      const [user, reaping] = [stage.server(), stage.server()];
      const box = await user.open(group);
      await user.write(box);
      await box.close();
      await expect.poll(() => stateOf(stage, group.groupId), BOUND).toBe('draining');
      await stage.advance(IDLE_IS_OVER_MS);
      if (isMutant) destroyBeforeCapture(reaping.leases.context);
      await reaping.reaper.tick();
      await expect.poll(() => stateOf(stage, group.groupId), BOUND).toBe('cold');
    },
  },
  {
    name: 'the sweep judges by age',
    caught: /was destroyed while the warm lease/,
    async play(stage, isMutant) {
      const group = newGroup();
      const user = stage.server();
      await using box = await user.open(group);
      const byAge = new SweepByAge(user.leases.context);
      const byTag = new Sweep(user.leases.context);
      for (const nowMs of [0, IDLE_IS_OVER_MS])
        await (isMutant ? byAge.run(nowMs, CLAIM_IS_OVER_MS) : byTag.run());
      // Judged while the box is still held.
      await stage.violations();
      if (!isMutant) await user.write(box);
    },
  },
];

/** As the mutant is stopped, but the row is judged as it is when the verdict is stored. */
function pauseAfterReading(server: ReturnType<JudgedStage['server']>, gate: Gate): void {
  const { context } = server.leases;
  const { store } = context;
  Object.defineProperty(context, 'store', {
    value: new Proxy(store, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name);
        if (name === 'due')
          return async (...call: Parameters<typeof store.due>) => {
            const due = await store.due(...call);
            await gate.pass();
            return due;
          };
        return typeof member === 'function' ? member.bind(target) : member;
      },
    }),
  });
}

describe.each(scenarios)('when $name', ({ caught, play }) => {
  test('the judges see it', async () => {
    await using stage = await JudgedStage.open();
    await play(stage, true);
    expect((await stage.violations()).join('\n')).toMatch(caught);
  });

  test('and see nothing in leases as they are', async () => {
    await using stage = await JudgedStage.open();
    await play(stage, false);
    expect(await stage.violations()).toEqual([]);
  });
});
