import { z } from 'zod';
import { stringMap } from './string-map.ts';

/** The name of an environment variable. `BOXYARD_*` is ours. */
export const EnvironmentName = z
  .string()
  .max(256)
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'use letters, digits and underscores, not beginning with a digit')
  .refine((name) => !name.startsWith('BOXYARD_'), 'BOXYARD_* is reserved: use another name');
export type EnvironmentName = z.infer<typeof EnvironmentName>;

/** Names and values together, in characters; every string also has to fit into a process's start. */
const MAX_TOTAL_CHARACTERS = 131_072;

const EnvironmentValue = z
  .string()
  // The kernel limits one string of an environment to 128 KiB; characters may take four bytes.
  .max(32_768)
  .refine((value) => !value.includes('\0'), 'must not contain NUL');

/** Write-only: values are sealed when stored and never appear in an answer. At most 256 entries. */
export const Environment = stringMap(EnvironmentName, EnvironmentValue, 256).refine(
  (map) => Object.entries(map).flat().join('').length <= MAX_TOTAL_CHARACTERS,
  `must have at most ${MAX_TOTAL_CHARACTERS} characters in all`,
);
export type Environment = z.infer<typeof Environment>;
