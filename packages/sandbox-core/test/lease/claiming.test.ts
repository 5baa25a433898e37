import { describe, expect, test } from 'vitest';
import { transitionLease } from '../../src/index.ts';
import { box, holding, lease, now, other, request, settings, viewer, warm } from './lease-fixture.ts';

describe('acquire', () => {
  test('on a cold lease claims the next epoch and makes the caller the spawner', () => {
    const { lease: next, outcome } = transitionLease(
      lease({ epoch: 3 }),
      { type: 'acquire', holder: request },
      now,
      settings,
    );
    expect(outcome).toEqual({ kind: 'spawn', epoch: 4, previous: null, uncaptured: null });
    expect(next).toMatchObject({ state: 'warming', epoch: 4, deadlineMs: now + settings.warmingTtlMs });
    expect(next.holders).toHaveLength(1);
  });

  test.each(['warming', 'replacing', 'terminating'] as const)('on a %s lease attaches and waits', (state) => {
    const before = lease({ state, epoch: 3, deadlineMs: now + 1 });
    const { lease: next, outcome } = transitionLease(
      before,
      { type: 'acquire', holder: request },
      now,
      settings,
    );
    expect(outcome).toEqual({ kind: 'wait', state, epoch: 3 });
    expect(next.holders).toHaveLength(1);
  });

  test('takes the claim of a spawner that has been silent for too long', () => {
    const before = lease({ state: 'warming', epoch: 3, deadlineMs: now, box });
    const {
      lease: next,
      outcome,
      condemned,
    } = transitionLease(before, { type: 'acquire', holder: request }, now, settings);
    expect(outcome).toMatchObject({ kind: 'spawn', epoch: 4, previous: null });
    expect(next.box).toBeNull();
    expect(condemned).toMatchObject([{ ref: box, epoch: 3 }]);
  });

  test('on a draining lease keeps the same box at the same epoch', () => {
    const before = warm({ state: 'draining', deadlineMs: now + 5, holders: [] });
    const { lease: next, outcome } = transitionLease(
      before,
      { type: 'acquire', holder: request },
      now,
      settings,
    );
    expect(outcome).toEqual({ kind: 'joined', epoch: 3, box });
    expect(next).toMatchObject({ state: 'warm', deadlineMs: null });
  });

  test('by a viewer joins a draining box without keeping it', () => {
    const before = warm({ state: 'draining', deadlineMs: now + 5, holders: [] });
    const { lease: next, outcome } = transitionLease(
      before,
      { type: 'acquire', holder: viewer },
      now,
      settings,
    );
    expect(outcome.kind).toBe('joined');
    expect(next).toMatchObject({ state: 'draining', deadlineMs: now + 5 });
  });

  test('with another expected epoch is fenced and writes nothing', () => {
    const before = warm();
    const judged = transitionLease(
      before,
      { type: 'acquire', holder: viewer, expectedEpoch: 2 },
      now,
      settings,
    );
    expect(judged.outcome).toEqual({ kind: 'fenced', epoch: 3 });
    expect(judged.lease).toBe(before);
  });

  test('of a deleted group is told so', () => {
    const before = lease({ deletedAtMs: 1 });
    expect(transitionLease(before, { type: 'acquire', holder: request }, now, settings).outcome.kind).toBe(
      'deleted',
    );
  });
});

describe('claims', () => {
  test('created keeps both ids until commit destroys the first', () => {
    const before = lease({ state: 'warming', epoch: 3, deadlineMs: now + 1 });
    const one = transitionLease(
      before,
      { type: 'created', epoch: 3, box, parks: false },
      now,
      settings,
    ).lease;
    const two = transitionLease(
      one,
      { type: 'created', epoch: 3, box: other, parks: false },
      now,
      settings,
    ).lease;
    expect(two).toMatchObject({ box: other, superseded: [box] });
    const done = transitionLease(
      two,
      { type: 'commit', epoch: 3, box: other, parks: false, fresh: true },
      now,
      settings,
    );
    expect(done.condemned).toMatchObject([{ ref: box }]);
    expect(done.lease).toMatchObject({ state: 'draining', box: other, superseded: [] });
  });

  test('a stale created or commit changes nothing and condemns the box that it made', () => {
    const before = warm();
    for (const judged of [
      transitionLease(before, { type: 'created', epoch: 2, box: other, parks: false }, now, settings),
      transitionLease(
        before,
        { type: 'commit', epoch: 2, box: other, parks: false, fresh: true },
        now,
        settings,
      ),
    ]) {
      expect(judged.outcome).toEqual({ kind: 'refused', epoch: 3 });
      expect(judged.lease).toBe(before);
      expect(judged.condemned).toMatchObject([{ ref: other, epoch: 2 }]);
    }
  });

  test('a stale claim never condemns the folder that its successor uses or is about to find', () => {
    const late = { type: 'created', epoch: 2, box, parks: true } as const;
    expect(transitionLease(warm({ parks: true }), late, now, settings).condemned).toEqual([]);
    const making = lease({ state: 'warming', epoch: 3, deadlineMs: now + 1 });
    expect(transitionLease(making, late, now, settings).condemned).toEqual([]);
    expect(transitionLease(warm({ parks: true, box: other }), late, now, settings).condemned).toMatchObject([
      { ref: box },
    ]);
  });

  test('a claim whose process is known to be dead is free at once, and its epoch stays used', () => {
    const before = lease({ state: 'warming', epoch: 3, box, deadlineMs: now + 1000 });
    const { lease: next, condemned } = transitionLease(before, { type: 'orphaned' }, now, settings);
    expect(next).toMatchObject({ state: 'cold', epoch: 3, box: null });
    expect(condemned).toMatchObject([{ ref: box }]);
    const stopping = warm({ state: 'terminating', claim: 'c', deadlineMs: now + 1000 });
    const after = transitionLease(stopping, { type: 'orphaned' }, now, settings).lease;
    expect(transitionLease(after, { type: 'due', claim: 'd' }, now, settings).outcome.kind).toBe('terminate');
    const up = warm();
    expect(transitionLease(up, { type: 'orphaned' }, now, settings).lease).toBe(up);
  });

  test('a claim whose answer was lost is given back by who made it, and by nobody else', () => {
    const { lease: claimed } = transitionLease(
      lease({}),
      { type: 'acquire', holder: request },
      now,
      settings,
    );
    const disown = (claim: string, of = claimed) =>
      transitionLease(of, { type: 'disown', claim }, now, settings);
    expect(disown('other')).toMatchObject({ outcome: { kind: 'refused' }, condemned: [] });
    const { lease: free, outcome } = disown(request.attempt);
    expect(outcome).toEqual({ kind: 'done' });
    // Who waits for it does not fail: it makes the box.
    expect(free).toMatchObject({ state: 'cold', claim: null, failure: null, epoch: claimed.epoch });
    const made = { type: 'commit', epoch: claimed.epoch, box, parks: false, fresh: true } as const;
    const { lease: up } = transitionLease(claimed, made, now, settings);
    expect(disown(request.attempt, up)).toMatchObject({ lease: up, outcome: { kind: 'refused' } });
  });

  test('a repeated commit answers as the first', () => {
    const judged = transitionLease(
      warm(),
      { type: 'commit', epoch: 3, box, parks: false, fresh: true },
      now,
      settings,
    );
    expect(judged.outcome.kind).toBe('done');
    expect(judged.condemned).toEqual([]);
  });

  test('a failure leaves the lease cold, says why, and condemns a known box', () => {
    const before = lease({ state: 'replacing', epoch: 3, box, deadlineMs: now + 1 });
    const failure = { code: 'quota', message: 'no room' } as const;
    const { lease: next, condemned } = transitionLease(
      before,
      { type: 'fail', epoch: 3, failure },
      now,
      settings,
    );
    expect(next).toMatchObject({ state: 'cold', box: null, failure: { epoch: 3, ...failure } });
    expect(condemned).toMatchObject([{ ref: box }]);
  });

  test('a failed claim leaves a parked folder in place, marked as not ready when it is new', () => {
    const before = lease({ state: 'warming', epoch: 3, deadlineMs: now + 1 });
    const made = transitionLease(
      before,
      { type: 'created', epoch: 3, box, parks: true },
      now,
      settings,
    ).lease;
    const failure = { code: 'invalid', message: 'archive' } as const;
    const { lease: next, condemned } = transitionLease(
      made,
      { type: 'fail', epoch: 3, failure },
      now,
      settings,
    );
    expect(condemned).toEqual([]);
    const again = transitionLease(next, { type: 'acquire', holder: request }, now, settings);
    expect(again.outcome).toMatchObject({
      kind: 'spawn',
      epoch: 4,
      previous: { box, workspaceReady: false },
    });
  });

  test('a box proven gone is replaced by one caller at the next epoch', () => {
    const first = transitionLease(
      warm({ revision: 2, revisedAtMs: 9 }),
      { type: 'replace', epoch: 3, claim: 'c' },
      now,
      settings,
    );
    expect(first.outcome).toEqual({
      kind: 'spawn',
      epoch: 4,
      previous: null,
      uncaptured: { revisedAtMs: 9, revision: 2 },
    });
    const holders = [holding(request, { dirty: true })];
    const working = transitionLease(
      warm({ holders }),
      { type: 'replace', epoch: 3, claim: 'c' },
      now,
      settings,
    );
    // Who works in it may have changed more than is counted: no archive is known to hold everything.
    expect(working.outcome).toMatchObject({ uncaptured: { revision: null } });
    const second = transitionLease(first.lease, { type: 'replace', epoch: 3, claim: 'c' }, now, settings);
    expect(second.outcome.kind).toBe('wait');
  });
});
