import { z } from 'zod';

// Objects treat these names as their own machinery: a key of this kind would be dropped or change behaviour.
const RESERVED_KEYS = ['__proto__', 'constructor', 'prototype'];

/**
 * A map of strings as JSON. A reserved key is an error: zod's record would drop `__proto__` and the caller
 * would believe that it was kept.
 */
export function stringMap<Key extends z.ZodType<string, string>, Value extends z.ZodType<string, string>>(
  key: Key,
  value: Value,
  maxEntries: number,
) {
  return z.preprocess(
    (input, context) => {
      if (typeof input === 'object' && input !== null) {
        for (const name of RESERVED_KEYS) {
          if (Object.hasOwn(input, name)) {
            context.addIssue({ code: 'custom', path: [name], message: 'is a reserved name: use another' });
          }
        }
      }
      return input;
    },
    z
      .record(key, value)
      .refine((map) => Object.keys(map).length <= maxEntries, `must have at most ${maxEntries} entries`),
  );
}
