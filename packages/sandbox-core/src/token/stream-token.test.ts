import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { SandboxError } from '../sandbox-error.ts';
import { signToken } from './signed-token.ts';
import {
  mintStreamToken,
  STREAM_TOKEN_TTL_MS,
  type StreamTokenRequest,
  verifyStreamToken,
} from './stream-token.ts';

const secret = 'a-secret-for-streams';
const now = new Date('2026-01-02T03:04:05.678Z');
const id = (digit: number) => `0197a3b2-7c44-7d21-8a10-3f5e6b7c8d9${digit}`;
const request: StreamTokenRequest = {
  workspaceId: id(0),
  sessionId: id(1),
  viewerId: id(2),
  sandboxGroupId: id(3),
  leaseEpoch: 4,
  mode: 'view',
  port: 6080,
  kind: 'desktop',
};
const { token, expiresAt } = mintStreamToken(secret, request, { now });

function faultOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (!SandboxError.hasCode(error, 'denied')) throw error;
    expect(error.message).not.toContain(token);
    return error.stage;
  }
  return 'none';
}

test('a token opens what it was minted for', () => {
  const scope = {
    sessionId: id(1),
    sandboxGroupId: id(3),
    kind: 'desktop',
    port: 6080,
    mode: 'view',
  } as const;
  expect(verifyStreamToken(secret, token, scope, now)).toMatchObject(request);
});

test('it has the envelope that other programs read', () => {
  const [encoded, signature] = token.slice('ogs_'.length).split('.') as [string, string];
  expect(token.startsWith('ogs_')).toBe(true);
  expect(createHmac('sha256', secret).update(encoded).digest('base64url')).toBe(signature);
  const claims: unknown = JSON.parse(Buffer.from(encoded, 'base64url').toString());
  expect(claims).toMatchObject({ ...request, exp: Math.floor(expiresAt.getTime() / 1000) });
  expect(token).not.toMatch(/[=+/]/);
});

test('it is valid up to and including the second it names', () => {
  expect(expiresAt.getTime()).toBe(Math.floor((now.getTime() + STREAM_TOKEN_TTL_MS) / 1000) * 1000);
  expect(faultOf(() => verifyStreamToken(secret, token, {}, expiresAt))).toBe('none');
  const lastMoment = new Date(expiresAt.getTime() + 999);
  expect(faultOf(() => verifyStreamToken(secret, token, {}, lastMoment))).toBe('none');
  const after = new Date(expiresAt.getTime() + 1000);
  expect(faultOf(() => verifyStreamToken(secret, token, {}, after))).toBe('token.expired');
});

test('two tokens of one viewer can be told apart', () => {
  const claims = (text: string) => verifyStreamToken(secret, text, {}, now);
  expect(claims(token).nonce).not.toBe(claims(mintStreamToken(secret, request, { now }).token).nonce);
});

test.each([
  ['workspace', { workspaceId: id(9) }],
  ['session', { sessionId: id(9) }],
  ['viewer', { viewerId: id(9) }],
  ['box group', { sandboxGroupId: id(9) }],
  ['kind', { kind: 'terminal' as const }],
  ['port', { port: 8080 }],
  ['agent, when it names none', { agentId: 'a' }],
  ['right, when it only views', { mode: 'control' as const }],
  ['epoch, when its box was replaced', { minimumEpoch: 5 }],
])('it does not open another %s', (_, scope) => {
  expect(faultOf(() => verifyStreamToken(secret, token, scope, now))).toBe('token.scope');
});

test('a token for control may also view, and one of a later epoch is not refused', () => {
  const control = mintStreamToken(secret, { ...request, mode: 'control' }, { now }).token;
  for (const scope of [{ mode: 'control' as const }, { mode: 'view' as const }, { minimumEpoch: 3 }]) {
    expect(faultOf(() => verifyStreamToken(secret, control, scope, now))).toBe('none');
  }
});

test('any changed character is noticed', () => {
  for (let index = 0; index < token.length; index += 1) {
    const other = token[index] === 'A' ? 'B' : 'A';
    const changed = token.slice(0, index) + other + token.slice(index + 1);
    expect(faultOf(() => verifyStreamToken(secret, changed, {}, now))).toMatch(
      /^token\.(signature|malformed)$/,
    );
  }
});

test.each([
  '',
  'ogs_',
  'ogs_.',
  '.',
  'ogr_e30.x',
  'x'.repeat(5000),
  token.slice(0, -1),
  `${token}=`,
  `${token}.`,
])('%j opens nothing', (text) => {
  expect(faultOf(() => verifyStreamToken(secret, text, {}, now))).toMatch(/^token\.(signature|malformed)$/);
});

test('another secret does not sign for us', () => {
  expect(faultOf(() => verifyStreamToken('other', token, {}, now))).toBe('token.signature');
});

test('genuine claims that are not those of a stream are refused', () => {
  const foreign = signToken('ogs_', { exp: 4_000_000_000, sessionId: id(1) }, secret);
  expect(faultOf(() => verifyStreamToken(secret, foreign, {}, now))).toBe('token.malformed');
});

test('claims that somebody added do not hurt', () => {
  const { kind: _, sandboxGroupId: __, ...plain } = request;
  const grown = signToken('ogs_', { ...plain, exp: 4_000_000_000, colour: 'red' }, secret);
  expect(verifyStreamToken(secret, grown, { port: 6080 }, now)).toMatchObject(plain);
  expect(faultOf(() => verifyStreamToken(secret, grown, { kind: 'desktop' }, now))).toBe('token.scope');
});

test('an empty secret signs nothing', () => {
  expect(() => mintStreamToken('', request)).toThrow(expect.objectContaining({ code: 'configuration' }));
});
