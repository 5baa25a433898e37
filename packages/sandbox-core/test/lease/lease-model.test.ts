import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Lease, LeaseEvent } from '../../src/index.ts';
import { type BoxKind, judge, LeaseWorld, type Mutation, type Transition } from './lease-world.ts';

const ACTORS = 5;
// About two seconds; the shallowest mutants are found within ten of them.
const RUNS = 20_000;

type Action =
  | {
      readonly do: 'open';
      readonly kind: 'turn' | 'viewer' | 'request' | 'process';
      readonly who: number;
      readonly fails: boolean;
    }
  | { readonly do: 'step' | 'crash'; readonly who: number; readonly times: number }
  | { readonly do: 'reap' | 'sweep' | 'pause' | 'force' | 'delete'; readonly who: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'kill' };

const who = fc.nat(ACTORS - 1);
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('open' as const),
      kind: fc.constantFrom('turn', 'viewer', 'request', 'process'),
      who,
      fails: fc.oneof(
        { weight: 5, arbitrary: fc.constant(false) },
        { weight: 1, arbitrary: fc.constant(true) },
      ),
    }),
  },
  {
    weight: 14,
    arbitrary: fc.record({ do: fc.constant('step' as const), who, times: fc.integer({ min: 1, max: 9 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crash' as const), who, times: fc.constant(1) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('reap' as const, 'sweep' as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('pause' as const, 'force' as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), who }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(3, 25, 60, 130, 350) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const) }) },
);

function play(actions: readonly Action[], kind: BoxKind, mutation?: Mutation): void {
  const world = new LeaseWorld(kind, mutation);
  const actors: (Generator<void, void, void> | null)[] = Array.from({ length: ACTORS }, () => null);
  for (const next of actions) {
    if (next.do === 'wait') world.nowMs += next.ms;
    else if (next.do === 'kill') world.killBox();
    else if (next.do === 'crash') actors[next.who] = null;
    else if (next.do === 'step') {
      for (let left = next.times; left > 0; left -= 1)
        if (actors[next.who]?.next().done === true) actors[next.who] = null;
    } else if (actors[next.who] === null) {
      if (next.do === 'open')
        actors[next.who] = world.open(next.kind, `${next.kind}-${next.who % 2}`, next.fails);
      if (next.do === 'reap') actors[next.who] = world.reap();
      if (next.do === 'sweep') actors[next.who] = world.sweep();
      if (next.do === 'pause' || next.do === 'force') actors[next.who] = world.pause(next.do === 'force');
      if (next.do === 'delete') actors[next.who] = world.remove();
    }
  }
  world.checkAtRest();
}

const plan = fc.tuple(
  fc.array(action, { minLength: 10, maxLength: 60, size: 'max' }),
  fc.constantFrom<BoxKind>('cloud', 'stopped', 'folder'),
);

function search(runs: number, from: number, mutation?: Mutation) {
  return fc.check(
    fc.property(plan, ([actions, kind]) => play(actions, kind, mutation)),
    { numRuns: runs, seed: from },
  );
}

const seed = Number(process.env.BOXYARD_TEST_SEED ?? Date.now() % 2 ** 31);

/** A transition that lies about the event or about the row before the true one judges it. */
const lying =
  (lie: (event: LeaseEvent, lease: Lease) => LeaseEvent): Transition =>
  (lease, event, nowMs, settings) =>
    judge(lease, lie(event, lease), nowMs, settings);

const MUTANTS: Readonly<Record<string, Mutation>> = {
  'created does not look at the epoch': {
    transition: lying((event, lease) =>
      event.type === 'created' ? { ...event, epoch: lease.epoch } : event,
    ),
  },
  'commit does not look at the epoch': {
    transition: lying((event, lease) => (event.type === 'commit' ? { ...event, epoch: lease.epoch } : event)),
  },
  'fail does not look at the epoch': {
    transition: lying((event, lease) => (event.type === 'fail' ? { ...event, epoch: lease.epoch } : event)),
  },
  'captured does not look at the epoch': {
    transition: lying((event, lease) =>
      event.type === 'captured' ? { ...event, epoch: lease.epoch } : event,
    ),
  },
  'a heartbeat does not look at the attempt': {
    transition: lying((event, lease) => {
      if (event.type !== 'heartbeat') return event;
      const { kind, id } = event.holder;
      const present = lease.holders.find((other) => other.kind === kind && other.id === id);
      return { ...event, holder: present ?? event.holder };
    }),
  },
  'a termination does not look at its claim': {
    transition: (lease, event, nowMs, settings) =>
      judge(
        event.type === 'terminated' ? { ...lease, state: 'terminating', claim: event.claim } : lease,
        event,
        nowMs,
        settings,
      ),
  },
  'a claim leaves the epoch as it is': {
    transition: (lease, event, nowMs, settings) => {
      const judged = judge(lease, event, nowMs, settings);
      return { ...judged, lease: { ...judged.lease, epoch: lease.epoch } };
    },
  },
  'the epoch starts again after deletion': {
    transition: (lease, event, nowMs, settings) => {
      const judged = judge(lease, event, nowMs, settings);
      return event.type === 'delete' ? { ...judged, lease: { ...judged.lease, epoch: 0 } } : judged;
    },
  },
  'every holder keeps, a silent viewer too': {
    transition: (lease, event, nowMs, settings) => {
      const judged = judge(lease, event, nowMs, settings);
      const held = judged.lease.state === 'draining' && judged.lease.holders.length === 0;
      return held ? { ...judged, lease: { ...judged.lease, state: 'warm', deadlineMs: null } } : judged;
    },
  },
  'nobody expires a claim': {
    transition: (lease, event, nowMs, settings) =>
      judge(
        lease.state === 'warming' || lease.state === 'replacing' ? { ...lease, deadlineMs: null } : lease,
        event,
        nowMs,
        settings,
      ),
  },
  'holders are counted before the lock': { countsBeforeLock: true },
  'a box is destroyed before it is captured': { destroysBeforeCapture: true },
  'the sweep judges by age': { sweepsByAge: true },
};

describe('leases under crashes, delays and reordering', () => {
  test('keep what they promise', () => {
    console.log(`lease model: seed ${seed} (BOXYARD_TEST_SEED repeats it)`);
    const found = search(RUNS, seed);
    if (found.failed) throw new Error(fc.defaultReportMessage(found) ?? 'the model failed');
    expect(found.numRuns).toBe(RUNS);
  });

  for (const [name, mutation] of Object.entries(MUTANTS))
    test(`are seen to break when ${name}`, () => {
      expect(search(RUNS, 20_261_121, mutation).failed).toBe(true);
    });
});
