// How the text of a variable becomes a value. Each kind's message is what to write instead.
import { z } from 'zod';

const DIGITS = /^(?:0|[1-9][0-9]{0,15})$/;

/** A whole number in plain digits; `1e3`, `0x10`, ` 5` and `5s` are refused. */
export function wholeNumber(min: number, max: number) {
  const message = `write a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(DIGITS, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message);
}

/** Beyond this many milliseconds a timer fires at once. */
const MAX_TIMER_MS = 2_147_483_647;

/** A wait that a timer can hold, in milliseconds. */
export function durationMs(min: number, max = MAX_TIMER_MS) {
  return wholeNumber(min, max);
}

/** How long something is kept, in milliseconds: up to ten years, and 0 for not at all. */
export function retentionMs() {
  return wholeNumber(0, 10 * 365 * 24 * 60 * 60 * 1000);
}

export function choice<const Values extends readonly [string, ...string[]]>(values: Values) {
  return z.enum(values, `write one of ${values.join(', ')}`);
}

/** One word that may hold a secret or stand in a header: printable, no blanks. */
export function word(minLength: number, maxLength: number) {
  return z
    .string()
    .regex(/^[\x21-\x7e]+$/, 'write printable characters without blanks')
    .min(minLength, `write at least ${minLength} characters`)
    .max(maxLength, `write at most ${maxLength} characters`);
}

/** A folder; relative ones are below the one that the server was started in. */
export const folder = () => path();

/** A file; relative ones are below the folder that the server was started in. */
export const file = () => path();

function path() {
  return z
    .string()
    .max(4096, 'write a path of at most 4096 characters')
    .refine((text) => !text.includes('\0'), 'write a path without NUL');
}

export function url(protocols: readonly [string, ...string[]]) {
  const message = `write an address that begins with ${protocols.map((name) => `${name}://`).join(' or ')}`;
  return z.string().refine((text) => {
    if (!URL.canParse(text)) return false;
    const { protocol, host } = new URL(text);
    // An address of a socket has no host: postgres:///db?host=/run/postgresql.
    return protocols.some((name) => protocol === `${name}:`) && (host !== '' || text.includes(':///'));
  }, message);
}

/** Words between commas, blanks around them allowed; each once, in the order given. */
export function wordList() {
  return z.string().transform((text, context): readonly string[] => {
    const words = text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
    if (words.length > 0 && words.every((part) => /^[\x21-\x7e]{1,255}$/.test(part)))
      return [...new Set(words)];
    context.addIssue({ code: 'custom', message: 'write words between commas' });
    return z.NEVER;
  });
}

/** A number that may have a fraction, as `1.5`. */
export function decimal(min: number, max: number) {
  const message = `write a number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^[0-9]{1,6}(?:\.[0-9]{1,3})?$/, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message);
}

/** A name or address to listen on. */
export function listenHost() {
  return z
    .string()
    .regex(
      /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$|^[0-9A-Fa-f:.]{2,45}$/,
      'write a host name or IP address',
    );
}
