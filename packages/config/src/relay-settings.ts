// Settings of a relay that runs as a process of its own.
import { z } from 'zod';
import { listenHost, wholeNumber } from './value-kinds.ts';

/** See `SETTINGS`, which holds them. */
export const RELAY_SETTINGS = {
  relayHost: {
    name: 'BOXYARD_RELAY_HOST',
    schema: listenHost(),
    default: '127.0.0.1',
    unit: '',
    group: 'Relay',
    description:
      'Where a relay of its own (boxyard-relay) listens. Machines and viewers must reach it, in front of it TLS.',
  },
  relayPort: {
    name: 'BOXYARD_RELAY_PORT',
    schema: wholeNumber(0, 65_535),
    default: '7072',
    unit: '',
    group: 'Relay',
    description: 'The port of a relay of its own; 0 takes any free one.',
  },
  relaySecret: {
    name: 'BOXYARD_RELAY_SECRET',
    schema: z.string().regex(/^[0-9a-f]{64}$/, 'write the 64 characters that boxyard-relay secret prints'),
    default: null,
    unit: '',
    group: 'Relay',
    description:
      'What a relay of its own checks tokens with: boxyard-relay secret prints it where BOXYARD_SECRET_KEY is known, which the relay itself never sees.',
    secret: true,
  },
} as const;
