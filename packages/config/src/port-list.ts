import { Port } from '@boxyard/contracts';
import { z } from 'zod';

const EXPECTED = 'write ports from 1 to 65535 between commas, for instance 3000,8080';

/** Ports between commas, blanks around them allowed; each once, in the order given. */
export const PortList = z.string().transform((text, context): readonly number[] => {
  const ports = text
    .split(',')
    .map((part) => part.trim())
    .map((part) => (/^[0-9]{1,5}$/.test(part) ? Number(part) : Number.NaN));
  if (ports.every((port) => Port.safeParse(port).success)) return [...new Set(ports)];
  context.addIssue({ code: 'custom', message: EXPECTED });
  return z.NEVER;
});
export type PortList = z.infer<typeof PortList>;
