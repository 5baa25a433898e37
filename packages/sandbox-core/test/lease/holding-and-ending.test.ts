import { describe, expect, test } from 'vitest';
import { leaseDueAtMs, transitionLease } from '../../src/index.ts';
import { box, holding, lease, now, other, request, settings, viewer, warm } from './lease-fixture.ts';

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

  test('why a box is stopped is known to whoever stops it, also to the one who takes over', () => {
    const over = { state: 'draining', deadlineMs: now, holders: [] } as const;
    const due = { type: 'due', claim: 'c' } as const;
    const causeOf = (outcome: object) => ('cause' in outcome ? outcome.cause : null);
    expect(causeOf(transitionLease(warm(over), due, now, settings).outcome)).toBe('idle');
    const old = warm({ ...over, lifetimeMs: 500, upSinceMs: now - 500 });
    expect(causeOf(transitionLease(old, due, now, settings).outcome)).toBe('lifetime');
    for (const cause of [undefined, 'budget'] as const) {
      const pause = { type: 'pause', claim: 'c', force: true, cause } as const;
      const stopped = transitionLease(warm(), pause, now, settings);
      expect(causeOf(stopped.outcome)).toBe(cause ?? 'pause');
      const later = now + settings.terminatingTtlMs;
      const next = transitionLease(stopped.lease, { type: 'due', claim: 'd' }, later, settings);
      expect(causeOf(next.outcome)).toBe(cause ?? 'pause');
      const failed = transitionLease(
        next.lease,
        { type: 'captureFailed', claim: 'd', reason: 'full' },
        later,
        settings,
      );
      expect(failed.lease.stopping).toBeNull();
    }
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

  test("a group's own lifetime counts from when its box came up, also of a box that was found again", () => {
    const holders = [holding(request, { expiresAtMs: now + 9e5 })];
    const before = lease({
      state: 'warming',
      epoch: 3,
      deadlineMs: now,
      holders,
      lifetimeMs: 500,
      boxSinceMs: now - 9e5,
    });
    const commit = { type: 'commit', epoch: 3, box, parks: true, fresh: false } as const;
    const { lease: up } = transitionLease(before, commit, now, settings);
    expect(up).toMatchObject({ state: 'warm', deadlineMs: now + 500 });
    const look = transitionLease(up, { type: 'due', claim: 'c' }, now + 500, settings);
    expect(look.outcome).toMatchObject({ kind: 'terminate', epoch: 3 });
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
