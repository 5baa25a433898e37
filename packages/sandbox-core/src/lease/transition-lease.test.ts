import { describe, expect, test } from 'vitest';
import type { BoxRef } from '../box.ts';
import { coldLease, type Holder, type Lease, leaseDueAtMs } from './lease.ts';
import { DEFAULT_LEASE_SETTINGS } from './lease-settings.ts';
import { transitionLease } from './transition-lease.ts';

const settings = DEFAULT_LEASE_SETTINGS;
const now = 1_000_000;
const box: BoxRef = { provider: 'fake', instance: 'box-1', resume: {} };
const other: BoxRef = { ...box, instance: 'box-2' };
const request = { kind: 'request', id: 'server-1', attempt: 'a', subject: 'user' } as const;
const viewer = { kind: 'viewer', id: 'tab-1', attempt: 'v', subject: 'user' } as const;

const holding = (holder: typeof request | typeof viewer, more: Partial<Holder> = {}): Holder => ({
  ...holder,
  expiresAtMs: now + 1000,
  inputUntilMs: null,
  dirty: false,
  ...more,
});
const lease = (more: Partial<Lease>): Lease => ({ ...coldLease('group', 'workspace'), ...more });
const warm = (more: Partial<Lease> = {}): Lease =>
  lease({
    state: 'warm',
    epoch: 3,
    box,
    workspaceReady: true,
    boxSinceMs: 0,
    holders: [holding(request)],
    ...more,
  });

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

describe('keeping', () => {
  test('the last keeper that lets go starts the drain at once', () => {
    const { lease: next } = transitionLease(warm(), { type: 'release', holder: request }, now, settings);
    expect(next).toMatchObject({
      state: 'draining',
      deadlineMs: now + settings.idleGraceMs,
      reason: 'request let go',
    });
  });

  test('a viewer alone keeps a box only while a person gives input', () => {
    const before = warm({ holders: [holding(viewer)] });
    const silent = transitionLease(before, { type: 'heartbeat', holder: viewer }, now, settings);
    expect(silent.lease.state).toBe('draining');
    const active = transitionLease(
      silent.lease,
      { type: 'heartbeat', holder: viewer, input: true },
      now,
      settings,
    );
    expect(active.lease.state).toBe('warm');
    const later = transitionLease(
      active.lease,
      { type: 'due', claim: 'c' },
      now + settings.idleGraceMs,
      settings,
    );
    expect(later.lease.state).toBe('draining');
  });

  test('a heartbeat of a closed or replaced attempt is refused', () => {
    const before = warm();
    const closed = { ...request, attempt: 'older' };
    expect(transitionLease(before, { type: 'heartbeat', holder: closed }, now, settings).outcome.kind).toBe(
      'refused',
    );
    const released = transitionLease(before, { type: 'release', holder: request }, now, settings).lease;
    expect(
      transitionLease(released, { type: 'heartbeat', holder: request }, now, settings).outcome.kind,
    ).toBe('refused');
  });

  test('the idle grace of the group wins over the one of the settings', () => {
    const { lease: next } = transitionLease(
      warm({ idleGraceMs: 7 }),
      { type: 'release', holder: request },
      now,
      settings,
    );
    expect(next.deadlineMs).toBe(now + 7);
  });

  test('what a crashed holder changed makes the box dirty', () => {
    const before = warm({
      holders: [holding(request, { dirty: true, expiresAtMs: now })],
      revision: 5,
      capturedRevision: 5,
    });
    const { lease: next } = transitionLease(before, { type: 'due', claim: 'c' }, now, settings);
    expect(next).toMatchObject({ revision: 6, state: 'draining' });
    expect(next.captureDueAtMs).toBe(now + settings.captureIntervalMs);
    expect(leaseDueAtMs(next)).toBe(next.captureDueAtMs);
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
      { type: 'replace', epoch: 3 },
      now,
      settings,
    );
    expect(first.outcome).toEqual({
      kind: 'spawn',
      epoch: 4,
      previous: null,
      uncaptured: { revisedAtMs: 9 },
    });
    const second = transitionLease(first.lease, { type: 'replace', epoch: 3 }, now, settings);
    expect(second.outcome.kind).toBe('wait');
  });
});

describe('ending', () => {
  const draining = warm({
    state: 'draining',
    deadlineMs: now,
    holders: [],
    revision: 4,
    capturedRevision: 3,
  });

  test('a drain that is over is terminated, and its box is condemned once the capture is in', () => {
    const begun = transitionLease(draining, { type: 'due', claim: 'c' }, now, settings);
    expect(begun.outcome).toMatchObject({ kind: 'terminate', box, epoch: 3, revision: 4, dirty: true });
    expect(begun.condemned).toEqual([]);
    const ended = transitionLease(
      begun.lease,
      { type: 'terminated', claim: 'c', capturedRevision: 4, gone: false },
      now,
      settings,
    );
    expect(ended.lease).toMatchObject({ state: 'cold', box: null, epoch: 3, capturedRevision: 4 });
    expect(ended.condemned).toMatchObject([{ ref: box }]);
  });

  test('a parked box stays with its cold lease', () => {
    const begun = transitionLease({ ...draining, parks: true }, { type: 'due', claim: 'c' }, now, settings);
    const ended = transitionLease(
      begun.lease,
      { type: 'terminated', claim: 'c', capturedRevision: 4, gone: false },
      now,
      settings,
    );
    expect(ended.lease).toMatchObject({ state: 'cold', box, workspaceReady: true });
    expect(ended.condemned).toEqual([]);
  });

  test('a capture that fails leaves the box running and is tried again later each time', () => {
    const begun = transitionLease(draining, { type: 'due', claim: 'c' }, now, settings).lease;
    const once = transitionLease(
      begun,
      { type: 'captureFailed', claim: 'c', reason: 'full' },
      now,
      settings,
    ).lease;
    expect(once).toMatchObject({
      state: 'draining',
      box,
      deadlineMs: now + settings.captureRetryMs,
      reason: 'full',
    });
    const again = transitionLease(
      { ...once, deadlineMs: now },
      { type: 'due', claim: 'd' },
      now,
      settings,
    ).lease;
    const twice = transitionLease(
      again,
      { type: 'captureFailed', claim: 'd', reason: 'full' },
      now,
      settings,
    ).lease;
    expect(twice.deadlineMs).toBe(now + 2 * settings.captureRetryMs);
  });

  test('a reaper that was replaced is refused', () => {
    const first = transitionLease(draining, { type: 'due', claim: 'c' }, now, settings).lease;
    const second = transitionLease(
      { ...first, deadlineMs: now },
      { type: 'due', claim: 'd' },
      now,
      settings,
    ).lease;
    const late = transitionLease(
      second,
      { type: 'terminated', claim: 'c', capturedRevision: 4, gone: false },
      now,
      settings,
    );
    expect(late.outcome.kind).toBe('refused');
    expect(late.lease).toBe(second);
  });

  test('a pause names who keeps the box, and goes ahead when forced', () => {
    const kept = transitionLease(warm(), { type: 'pause', claim: 'c', force: false }, now, settings);
    expect(kept.outcome).toMatchObject({ kind: 'kept', holders: [{ id: 'server-1' }] });
    const forced = transitionLease(warm(), { type: 'pause', claim: 'c', force: true }, now, settings);
    expect(forced.outcome.kind).toBe('terminate');
    expect(forced.lease.holders).toEqual([]);
  });

  test('a box near the end of its life is captured and stopped by one reaper, kept or not', () => {
    const mortal = { ...settings, boxLifetimeMs: 1000, lifetimeMarginMs: 100 };
    const holders = [holding(request, { expiresAtMs: now + 9e5 })];
    const before = lease({ state: 'warming', epoch: 3, deadlineMs: now, holders });
    const commit = { type: 'commit', epoch: 3, box, parks: false, fresh: true } as const;
    const { lease: up } = transitionLease(before, commit, now, mortal);
    expect(up).toMatchObject({ state: 'warm', deadlineMs: now + 900 });
    const first = transitionLease(up, { type: 'due', claim: 'c' }, now + 900, mortal);
    expect(first.outcome).toMatchObject({ kind: 'terminate', epoch: 3 });
    expect(transitionLease(first.lease, { type: 'due', claim: 'd' }, now + 900, mortal).outcome.kind).toBe(
      'none',
    );
  });

  test.each(['cold', 'warming', 'warm', 'draining', 'replacing', 'terminating'] as const)(
    'deletion works while %s, condemns every known box and refuses what runs',
    (state) => {
      const before = warm({ state, claim: 'c', superseded: [other], parks: true });
      const { lease: next, condemned } = transitionLease(before, { type: 'delete' }, now, settings);
      expect(condemned.map((one) => one.ref)).toEqual([box, other]);
      expect(next).toMatchObject({ state: 'cold', epoch: 3, box: null, deletedAtMs: now });
      const late = transitionLease(next, { type: 'created', epoch: 3, box, parks: true }, now, settings);
      expect(late.outcome.kind).toBe('refused');
      expect(late.condemned).toMatchObject([{ ref: box }]);
      expect(transitionLease(next, { type: 'due', claim: 'c' }, now, settings).outcome.kind).toBe('discard');
    },
  );
});
