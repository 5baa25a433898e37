import { expect, test } from 'vitest';
import { SandboxError } from '../sandbox-error.ts';
import { deriveTokenSecret, mintMachineToken, openMachineToken } from './machine-token.ts';

const secret = deriveTokenSecret('a secret key of at least 32 characters');
const id = (digit: number) => `0197a3b2-7c44-7d21-8a10-3f5e6b7c8d9${digit}`;
const now = new Date('2026-01-02T03:04:05.678Z');
const exp = Math.floor(now.getTime() / 1000) + 60;

const tokens = {
  bearer: mintMachineToken(
    'bearer',
    {
      workspaceId: id(0),
      agentId: id(1),
      enrollmentId: id(1),
      subjectPrefix: `agent.${id(0)}.${id(1)}`,
      credentialGeneration: 3,
      exp,
    },
    secret,
  ),
  relay: mintMachineToken('relay', { workspaceId: id(0), agentId: id(1), exp }, secret),
  enrollment: mintMachineToken(
    'enrollment',
    {
      typ: 'enroll',
      workspaceId: id(0),
      accountId: 'a key',
      allowScreenControl: false,
      tokenId: id(4),
      uses: 2,
      iat: exp - 60,
      exp,
    },
    secret,
  ),
  challenge: mintMachineToken(
    'challenge',
    { agentId: id(1), issuedAtMs: now.getTime(), nonce: 'of some twenty letters', exp },
    secret,
  ),
};
type Kind = keyof typeof tokens;
const kinds = Object.keys(tokens) as Kind[];

function faultOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (!SandboxError.hasCode(error, 'denied')) throw error;
    return error.stage;
  }
  return 'none';
}

test('each kind has the prefix that other programs know it by', () => {
  expect(kinds.map((kind) => tokens[kind].split('_')[0])).toEqual(['oge', 'ogr', 'oget', 'ogc']);
});

test.each(kinds)('a %s token opens as itself, up to its last second, and nowhere else', (kind) => {
  expect(openMachineToken(kind, tokens[kind], secret, { now })).toMatchObject({ exp });
  const late = (ms: number) => ({ now: new Date(exp * 1000 + ms) });
  expect(faultOf(() => openMachineToken(kind, tokens[kind], secret, late(999)))).toBe('none');
  expect(faultOf(() => openMachineToken(kind, tokens[kind], secret, late(1000)))).toBe('token.expired');
  expect(faultOf(() => openMachineToken(kind, tokens[kind], 'another', { now }))).toBe('token.signature');
  for (const other of kinds.filter((name) => name !== kind)) {
    expect(faultOf(() => openMachineToken(other, tokens[kind], secret, { now }))).toBe('token.malformed');
  }
});

test('a token under the prefix of another kind lacks its claims', () => {
  const disguised = tokens.relay.replace('ogr_', 'oge_');
  expect(faultOf(() => openMachineToken('bearer', disguised, secret, { now }))).toBe('token.malformed');
});

test('a token for another machine or workspace is out of scope', () => {
  const open = (scope: object) => () => openMachineToken('relay', tokens.relay, secret, { now, scope });
  expect(faultOf(open({ workspaceId: id(0), agentId: id(1) }))).toBe('none');
  expect(faultOf(open({ workspaceId: id(9) }))).toBe('token.scope');
  expect(faultOf(open({ agentId: id(9) }))).toBe('token.scope');
});
