import { CapabilityDocument } from '@boxyard/contracts';
import { expect, test } from 'vitest';
import { type MachineState, machineLiveness } from './machine-overlay.ts';
import { type NegotiationInput, negotiateCapabilities } from './negotiation.ts';

const now = new Date('2026-01-02T03:04:05.000Z');
const ago = (ms: number) => new Date(now.getTime() - ms);

test.each([
  ['never enrolled', { enrollment: 'none' }, 'offline'],
  ['not active yet', { enrollment: 'inactive' }, 'offline'],
  ['revoked, though it answers', { enrollment: 'revoked' }, 'offline'],
  ['answering', {}, 'online'],
  ['answering for the first time', { lastSeenAt: null }, 'online'],
  ['silent for a moment', { pingAnswered: false, lastSeenAt: ago(30_000) }, 'reconnecting'],
  ['silent for longer', { pingAnswered: false, lastSeenAt: ago(30_001) }, 'offline'],
  ['never seen', { pingAnswered: false, lastSeenAt: null }, 'offline'],
  ['gone with a goodbye', { pingAnswered: false, lastSeenAt: ago(1), saidGoodbye: true }, 'offline'],
] as const)('a machine that is %s', (_, facts, liveness) => {
  const sighting = {
    enrollment: 'active',
    pingAnswered: true,
    lastSeenAt: ago(1000),
    saidGoodbye: false,
    ...facts,
  } as const;
  expect(machineLiveness(sighting, now)).toBe(liveness);
});

const willing: MachineState = {
  liveness: 'online',
  hasDisplay: true,
  exposure: 'whole-machine',
  allowScreenControl: true,
};
const base: NegotiationInput = {
  sessionId: '0197a3b2-7c44-7d21-8a10-3f5e6b7c8d90',
  backend: 'selfhosted',
  os: 'macos',
  liveness: 'warm',
  leaseEpoch: 1,
  desktopEnabled: true,
  desktopAcknowledged: true,
  shared: true,
  sharedSessionIds: ['0197a3b2-7c44-7d21-8a10-3f5e6b7c8d91'],
  desktopStream: { url: 'wss://r/', token: 't', expiresAt: now, resolution: [800, 600] },
  terminalStream: { url: 'wss://r/', token: 't', expiresAt: now },
  now,
};
const negotiate = (machine: Partial<MachineState>, rest: Partial<NegotiationInput> = {}) => {
  const document = negotiateCapabilities({ ...base, ...rest, machine: { ...willing, ...machine } });
  expect(CapabilityDocument.parse(document)).toEqual(document);
  return document;
};
const reasons = (document: CapabilityDocument) => [
  document.FileSystem.reason,
  document.Terminal.reason,
  document.Git.reason,
  document.DesktopStream.reason,
  document.Recording.reason,
  document.ComputerUse.reason,
];

test('a willing machine offers everything, its screen interactively', () => {
  const document = negotiate({});
  expect(reasons(document)).toEqual([null, null, null, null, null, null]);
  expect(document.DesktopStream).toMatchObject({
    transport: 'relay-frames',
    client: 'frames',
    mode: 'interactive',
  });
});

test('policy can still keep people from taking over', () => {
  expect(negotiate({}, { desktopInteractive: false }).DesktopStream.mode).toBe('read-only');
});

test.each([
  ['offline', 'agent_offline'],
  ['reconnecting', 'agent_reconnecting'],
] as const)('a machine that is %s offers nothing and hands nothing out', (liveness, reason) => {
  const document = negotiate({ liveness });
  expect(reasons(document)).toEqual(Array(6).fill(reason));
  expect(document.Terminal).toMatchObject({ transport: null, ptyCapable: false, url: null, token: null });
  expect(document.DesktopStream).toMatchObject({
    transport: null,
    client: null,
    mode: 'read-only',
    url: null,
    token: null,
    resolution: null,
    sharedSessionIds: [],
  });
  expect([document.FileSystem.available, document.Git.available, document.Recording.available]).toEqual([
    false,
    false,
    false,
  ]);
});

test.each([
  [{ exec: false, filesystem: true, git: true, pty: true }, [null, 'consent_required', 'consent_required']],
  [{ exec: true, filesystem: false, git: true, pty: true }, ['consent_required', null, null]],
  [{ exec: true, filesystem: true, git: false, pty: true }, [null, null, 'consent_required']],
] as const)('what its owner keeps back needs consent: %j', (offers, expected) => {
  expect(reasons(negotiate({ offers })).slice(0, 3)).toEqual(expected);
});

test('a machine without terminals still shows what its commands print', () => {
  const { Terminal } = negotiate({ offers: { exec: true, filesystem: true, git: true, pty: false } });
  expect(Terminal).toMatchObject({ transport: 'sse-events', ptyCapable: false, token: null, reason: null });
});

test('a machine without a display keeps files, git and terminal', () => {
  const document = negotiate({ hasDisplay: false });
  const blind = 'display_unavailable';
  expect(reasons(document)).toEqual([null, null, null, blind, blind, blind]);
});

test.each([{ allowScreenControl: false }, { exposure: 'workspace' as const }])(
  'without consent (%o) the screen may be seen and recorded but not driven',
  (machine) => {
    const document = negotiate(machine);
    expect(reasons(document)).toEqual([null, null, null, null, null, 'consent_required']);
    expect(document.DesktopStream).toMatchObject({ mode: 'read-only', url: 'wss://r/' });
    expect(document.Recording.available).toBe(true);
  },
);

test('what was unavailable before keeps its first reason', () => {
  const off = 'disabled_by_policy';
  const disabled = { desktopEnabled: false };
  expect(reasons(negotiate({ liveness: 'offline' }, disabled)).slice(3)).toEqual([off, off, off]);
  expect(reasons(negotiate({ hasDisplay: false }, disabled)).slice(3)).toEqual([off, off, off]);
  expect(reasons(negotiate({ allowScreenControl: false }, disabled)).slice(3)).toEqual([off, off, off]);
  const noAgent = negotiate({ allowScreenControl: false }, { computerUseEnabled: false });
  expect(noAgent.ComputerUse.reason).toBe(off);
});

test('without a machine behind it a self-hosted screen is for looking only', () => {
  expect(negotiateCapabilities(base).DesktopStream.mode).toBe('read-only');
});
