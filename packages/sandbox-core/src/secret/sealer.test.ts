import fc from 'fast-check';
import { expect, test } from 'vitest';
import { deriveKey } from './derived-key.ts';
import { createSealer } from './sealer.ts';

const secret = 'a-deployment-secret-of-enough-characters';
const other = 'another-deployment-secret-of-enough-characters';
const sealer = createSealer([secret]);
const refusal = (message: RegExp) =>
  expect.objectContaining({
    code: 'configuration',
    stage: 'unseal',
    message: expect.stringMatching(message),
  });

test('whatever is sealed opens again in its own place', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (plain, context) => {
      expect(sealer.unseal(sealer.seal(plain, context), context)).toBe(plain);
    }),
  );
});

test('the same value sealed twice looks different, and neither shows it', () => {
  const [first, second] = [sealer.seal('canary-value', 'x'), sealer.seal('canary-value', 'x')];
  expect(first).not.toBe(second);
  for (const sealed of [first, second]) {
    expect(sealed).toMatch(/^v1\.[0-9a-f]{12}\.[A-Za-z0-9_-]+$/);
    expect(Buffer.from(sealed.split('.')[2]!, 'base64url').toString('latin1')).not.toContain('canary');
  }
});

test('a value that was moved to another place does not open', () => {
  const sealed = sealer.seal('v', 'environment:group-1');
  expect(() => sealer.unseal(sealed, 'environment:group-2')).toThrow(refusal(/belongs elsewhere/));
});

test('a value that was changed in any byte does not open', () => {
  const sealed = sealer.seal('some value', 'x');
  const start = sealed.lastIndexOf('.') + 1;
  const packed = Buffer.from(sealed.slice(start), 'base64url');
  for (let index = 0; index < packed.length; index += 1) {
    const changed = Buffer.from(packed);
    changed[index] = packed[index]! ^ 1;
    const text = sealed.slice(0, start) + changed.toString('base64url');
    expect(() => sealer.unseal(text, 'x')).toThrow(refusal(/was changed/));
  }
});

test('another secret does not open it, and the error says which way out there is', () => {
  const sealed = sealer.seal('canary-value', 'x');
  expect(() => createSealer([other]).unseal(sealed, 'x')).toThrow(
    refusal(/another secret key.*set the value anew/),
  );
});

test('a former secret still opens what it sealed while new values get the present one', () => {
  const rotated = createSealer([other, secret]);
  expect(rotated.unseal(sealer.seal('old', 'x'), 'x')).toBe('old');
  expect(createSealer([other]).unseal(rotated.seal('new', 'x'), 'x')).toBe('new');
});

test.each(['', 'v1', 'v1..', 'v2.000000000000.AAAA', 'plain text', 'v1.000000000000.AAAA'])(
  '%j is refused as no sealed value',
  (text) => {
    expect(() => sealer.unseal(text, 'x')).toThrow(refusal(/no sealed value/));
  },
);

test('an error never repeats what it was about', () => {
  const sealed = sealer.seal('canary-value', 'x');
  try {
    createSealer([other]).unseal(sealed, 'canary-context');
  } catch (error) {
    expect(String(error)).not.toMatch(/canary/);
    expect(String(error)).not.toContain(secret);
  }
  expect.assertions(2);
});

test('a secret that could be guessed is refused', () => {
  expect(() => createSealer(['short'])).toThrow(expect.objectContaining({ code: 'configuration' }));
});

test('keys for two purposes have nothing in common', () => {
  expect(deriveKey(secret, 'seal')).toHaveLength(32);
  expect(deriveKey(secret, 'seal').equals(deriveKey(secret, 'stream-token'))).toBe(false);
  expect(deriveKey(secret, 'seal').equals(deriveKey(secret, 'seal'))).toBe(true);
});
