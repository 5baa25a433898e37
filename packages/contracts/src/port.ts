import { z } from 'zod';
import { Timestamp } from './timestamp.ts';

/** A TCP port. */
export const Port = z.int().min(1).max(65_535);
export type Port = z.infer<typeof Port>;

/** `:port` of a path. Only plain decimal digits: `0x50`, `1e3` and ` 80` are refused. */
export const PortParam = z
  .string()
  .regex(/^[1-9][0-9]{0,4}$/, 'must be a port from 1 to 65535')
  .transform(Number)
  .pipe(Port);
export type PortParam = z.infer<typeof PortParam>;

/** Where a port of the box can be reached. */
export const ExposedPort = z.object({
  port: Port,
  url: z.url(),
  tls: z.boolean(),
  /** Null when the address does not run out. */
  expiresAt: Timestamp.nullable(),
});
export type ExposedPort = z.infer<typeof ExposedPort>;
