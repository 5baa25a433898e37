import { z } from 'zod';
import { stringMap } from './string-map.ts';

/** One name of a session's metadata. */
export const MetadataKey = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,64}$/, 'use 1-64 letters, digits, underscores, dots and hyphens');
export type MetadataKey = z.infer<typeof MetadataKey>;

/** What callers note on a session and filter by: at most 64 entries, values up to 1024 characters. */
export const Metadata = stringMap(MetadataKey, z.string().max(1024), 64);
export type Metadata = z.infer<typeof Metadata>;
