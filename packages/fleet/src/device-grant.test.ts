import type { DeviceGrant } from '@boxyard/sandbox-core';
import { describe, expect, test } from 'vitest';
import {
  assertDecidable,
  DELIVERY_GRACE_MS,
  DEVICE_GRANT_TTL_MS,
  POLL_INTERVAL_MS,
  pollGrant,
} from './device-grant.ts';

const START = 1_000_000;
const grant = (overrides: Partial<DeviceGrant> = {}): DeviceGrant => ({
  id: 'grant',
  workspaceId: 'workspace',
  deviceCodeSha256: 'hash',
  userCode: 'ABCD-EFGH',
  machine: {
    publicKey: 'U',
    os: 'linux',
    arch: 'x86_64',
    machineName: 'a laptop',
    canOfferDisplay: false,
    requestsScreenControl: false,
  },
  decision: 'pending',
  enrollmentId: null,
  intervalMs: POLL_INTERVAL_MS,
  createdAtMs: START,
  expiresAtMs: START + DEVICE_GRANT_TTL_MS,
  polledAtMs: null,
  deliveredAtMs: null,
  ...overrides,
});

/** Polls at these moments after the start, each step stored before the next. */
function pollsAt(from: DeviceGrant, ...afterMs: number[]): string[] {
  let current = from;
  return afterMs.map((ms) => {
    const { state, change } = pollGrant(current, START + ms);
    current = { ...current, ...change };
    return `${state} ${current.intervalMs / 1000}`;
  });
}

describe('polling', () => {
  test('every five seconds is pending, up to the last moment', () => {
    expect(pollsAt(grant(), 0, 5_000, 9_600, DEVICE_GRANT_TTL_MS - 1, DEVICE_GRANT_TTL_MS)).toEqual([
      'pending 5',
      'pending 5',
      'pending 5',
      'pending 5',
      'expired 5',
    ]);
  });

  test('faster than that is slowed down, by five seconds each time, to a minute', () => {
    expect(pollsAt(grant(), 0, 1_000, 8_000, 23_500)).toEqual([
      'pending 5',
      'slow_down 10',
      'slow_down 15',
      'pending 15',
    ]);
    const hammering = Array.from({ length: 20 }, (_, n) => n);
    expect(pollsAt(grant(), ...hammering).at(-1)).toBe('slow_down 60');
  });

  test('a denied machine is told so for ever, whatever the time', () => {
    const denied = grant({ decision: 'denied' });
    expect(pollsAt(denied, 0, 1, DEVICE_GRANT_TTL_MS * 2)).toEqual(['denied 5', 'denied 5', 'denied 5']);
  });

  test('an approved one is authorized once, and for half a minute again', () => {
    const approved = grant({ decision: 'approved', enrollmentId: 'machine' });
    expect(pollsAt(approved, 10_000, 10_001, 10_000 + DELIVERY_GRACE_MS - 1)).toEqual([
      'authorized 5',
      'authorized 5',
      'authorized 5',
    ]);
    expect(pollsAt(approved, 10_000, 10_000 + DELIVERY_GRACE_MS)).toEqual(['authorized 5', 'expired 5']);
    const delivered = { ...approved, deliveredAtMs: START };
    expect(pollGrant(delivered, START + DELIVERY_GRACE_MS)).toMatchObject({ replayed: true, change: null });
    expect(pollGrant(delivered, START + 1)).toMatchObject({ replayed: false });
  });

  test('what was approved in the last second is still delivered, and not an hour later', () => {
    const approved = grant({ decision: 'approved', enrollmentId: 'machine' });
    expect(pollsAt(approved, DEVICE_GRANT_TTL_MS + 5_000)).toEqual(['authorized 5']);
    expect(pollsAt(approved, DEVICE_GRANT_TTL_MS + 3_600_000)).toEqual(['expired 5']);
    expect(pollGrant(approved, START + DEVICE_GRANT_TTL_MS * 2).replayed).toBe(false);
  });
});

describe('deciding', () => {
  const decide = (overrides: Partial<DeviceGrant>, workspaceId = 'workspace', ms = 0) => {
    try {
      assertDecidable(grant(overrides), workspaceId, START + ms);
      return 'fine';
    } catch (error) {
      return (error as { code: string }).code;
    }
  };

  test('is for the workspace that the machine asked, while it waits, once', () => {
    expect(decide({})).toBe('fine');
    expect(decide({}, 'another')).toBe('not-found');
    expect(decide({}, 'workspace', DEVICE_GRANT_TTL_MS)).toBe('not-found');
    expect(decide({ decision: 'approved' })).toBe('conflict');
    expect(decide({ decision: 'denied' })).toBe('conflict');
    expect(decide({ decision: 'approved' }, 'another')).toBe('not-found');
  });
});
