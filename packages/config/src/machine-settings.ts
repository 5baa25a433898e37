// The part of the settings that is about machines of users.
import { z } from 'zod';
import { choice, durationMs, file, url, wholeNumber, wordList } from './value-kinds.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const nkey = (pattern: RegExp, message: string) => z.string().regex(pattern, message);

/** See `SETTINGS`, which holds them. */
export const MACHINE_SETTINGS = {
  machines: {
    name: 'BOXYARD_MACHINES',
    schema: choice(['off', 'on']),
    default: 'off',
    unit: '',
    group: 'Machines',
    description: 'Whether users may enroll machines of their own. The same as boxyard up --machines.',
  },
  publicUrl: {
    name: 'BOXYARD_PUBLIC_URL',
    schema: url(['http', 'https']),
    default: null,
    unit: '',
    group: 'Machines',
    description:
      'Where people and machines reach this server, for instance https://boxyard.example. Absent: where it listens.',
  },
  machinesNatsUrl: {
    name: 'BOXYARD_MACHINES_NATS_URL',
    schema: url(['nats', 'tls', 'ws', 'wss']),
    default: null,
    unit: '',
    group: 'Machines',
    description:
      'A NATS of your own for machines, in operator mode, tls://host:4222; set its account and signing key too. Absent: a nats-server found on the PATH is started.',
    secret: true,
  },
  machinesNatsAccount: {
    name: 'BOXYARD_MACHINES_NATS_ACCOUNT',
    schema: nkey(/^A[A-Z2-7]{55}$/, 'write the public nkey of an account'),
    default: null,
    unit: '',
    group: 'Machines',
    description: 'The account of the machines on a NATS of your own: its public nkey.',
  },
  machinesNatsSigningKey: {
    name: 'BOXYARD_MACHINES_NATS_SIGNING_KEY',
    schema: nkey(/^SA[A-Z2-7]{56}$/, 'write the seed of a signing key of the account'),
    default: null,
    unit: '',
    group: 'Machines',
    description: 'The seed of a signing key of that account: signs the sign-in of every machine.',
    secret: true,
  },
  machinesNatsPort: {
    name: 'BOXYARD_MACHINES_NATS_PORT',
    schema: wholeNumber(0, 65_535),
    default: '4222',
    unit: '',
    group: 'Machines',
    description:
      'The port of the nats-server that is started, on BOXYARD_HOST; 0 takes any free one, and the same at the next start.',
  },
  machinesNatsTlsCert: {
    name: 'BOXYARD_MACHINES_NATS_TLS_CERT',
    schema: file(),
    default: null,
    unit: '',
    group: 'Machines',
    description:
      'A file with the certificate (PEM, with what it was issued by behind it) of the nats-server that is started, for the host name that machines dial; set its key too.',
  },
  machinesNatsTlsKey: {
    name: 'BOXYARD_MACHINES_NATS_TLS_KEY',
    schema: file(),
    default: null,
    unit: '',
    group: 'Machines',
    description: 'A file with the private key (PEM) of that certificate.',
  },
  machinesNatsPlain: {
    name: 'BOXYARD_MACHINES_NATS_PLAIN',
    schema: choice(['off', 'on']),
    default: 'off',
    unit: '',
    group: 'Machines',
    description:
      'Whether the NATS of machines may be spoken to on a network without TLS, the one that is started or one of your own: only where the network itself is encrypted.',
  },
  machinesNatsPublicUrls: {
    name: 'BOXYARD_MACHINES_NATS_PUBLIC_URLS',
    schema: wordList(),
    default: null,
    unit: '',
    group: 'Machines',
    description:
      'Where machines dial NATS, between commas. Absent: BOXYARD_MACHINES_NATS_URL, or the started server under the name of BOXYARD_PUBLIC_URL.',
  },
  relayUrl: {
    name: 'BOXYARD_RELAY_URL',
    schema: url(['ws', 'wss']),
    default: null,
    unit: '',
    group: 'Machines',
    description:
      'Where machines and viewers dial a relay of its own (boxyard-relay). Absent: the one in this server, under BOXYARD_PUBLIC_URL.',
  },
  machineJwtTtlMs: {
    name: 'BOXYARD_MACHINE_JWT_TTL_MS',
    schema: durationMs(10 * SECOND, HOUR),
    default: String(5 * MINUTE),
    unit: 'ms',
    group: 'Machines',
    description:
      'How long the sign-in of a machine at NATS lasts; a machine that was revoked is gone after that at the latest.',
  },
} as const;
