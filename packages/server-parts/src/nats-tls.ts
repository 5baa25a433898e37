// Whether the NATS of the machines may be started, or dialled, as the settings say: on a network not in the clear, unless
// that was asked for in words.
import { BlockList, isIP } from 'node:net';
import type { Settings } from '@boxyard/config';
import type { NatsTlsFiles } from '@boxyard/fleet';
import { SandboxError } from '@boxyard/sandbox-core';

type NatsSettings = Pick<
  Settings,
  'host' | 'machinesNatsTlsCert' | 'machinesNatsTlsKey' | 'machinesNatsPlain'
>;

/**
 * Undefined for a server that speaks in the clear.
 *
 * @throws SandboxError `configuration` for one that others could listen to, and for half of the files.
 */
export function natsTlsOf(settings: NatsSettings): NatsTlsFiles | undefined {
  const { host, machinesNatsTlsCert: certFile, machinesNatsTlsKey: keyFile, machinesNatsPlain } = settings;
  if (certFile !== null && keyFile !== null) return { certFile, keyFile };
  if (certFile !== null || keyFile !== null) {
    throw refused(
      'A certificate and its key belong together. Set both BOXYARD_MACHINES_NATS_TLS_CERT and BOXYARD_MACHINES_NATS_TLS_KEY.',
    );
  }
  if (isLoopback(host) || machinesNatsPlain === 'on') return undefined;
  throw refused(
    `The NATS server of the machines would listen on ${host} without TLS, where others can read along. Set BOXYARD_MACHINES_NATS_TLS_CERT and BOXYARD_MACHINES_NATS_TLS_KEY, or BOXYARD_MACHINES_NATS_PLAIN=on where the network itself is encrypted.`,
  );
}

/** What the NATS client is told, which takes the word of a server for TLS otherwise. */
export type ForeignNatsTls = Readonly<Record<string, never>>;

/**
 * How a NATS of the user's own is dialled: undefined for one that speaks in the clear.
 *
 * @param url Its address from here.
 * @throws SandboxError `configuration` where others could listen, here or on the way of the machines.
 */
export function foreignNatsTlsOf(
  url: string,
  {
    machinesNatsPublicUrls,
    machinesNatsPlain,
  }: Pick<Settings, 'machinesNatsPublicUrls' | 'machinesNatsPlain'>,
): ForeignNatsTls | undefined {
  if (machinesNatsPlain === 'off') {
    refuseInTheClear('BOXYARD_MACHINES_NATS_URL', url);
    for (const one of machinesNatsPublicUrls ?? [])
      refuseInTheClear('BOXYARD_MACHINES_NATS_PUBLIC_URLS', one);
  }
  return ENCRYPTED.has(new URL(url).protocol) ? {} : undefined;
}

const ENCRYPTED: ReadonlySet<string> = new Set(['tls:', 'wss:']);

function refuseInTheClear(setting: string, address: string): void {
  // Without a scheme the client takes it for nats://.
  const { protocol, hostname } = new URL(/^[a-z]+:\/\//i.test(address) ? address : `nats://${address}`);
  if (ENCRYPTED.has(protocol) || isLoopback(hostname.replace(/^\[|\]$/g, ''))) return;
  throw refused(
    `${setting} names a NATS at ${hostname} that is spoken to without TLS, where others can read along. Write tls:// (or wss://) before its host, or set BOXYARD_MACHINES_NATS_PLAIN=on where the network itself is encrypted.`,
  );
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

function isLoopback(host: string): boolean {
  const version = isIP(host);
  return version === 0 ? host === 'localhost' : LOOPBACK.check(host, version === 6 ? 'ipv6' : 'ipv4');
}

const refused = (message: string) =>
  new SandboxError('configuration', message, { stage: 'machines.nats', started: 'no' });
