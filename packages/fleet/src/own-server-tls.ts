// How a control plane dials the nats-server that it has started: by an address of this host, which no certificate names,
// so that it is known by the certificate itself.
import { readFile } from 'node:fs/promises';
import { SandboxError } from '@boxyard/sandbox-core';

/** Of a nats-server that is not spoken to in the clear. */
export interface NatsTlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** What the NATS client hands to `node:tls`. */
export interface OwnServerTls {
  readonly ca: string;
  readonly allowPartialTrustChain: true;
  readonly checkServerIdentity: () => undefined;
}

/** @throws SandboxError `configuration` for files that cannot be read. */
export async function ownServerTls({ certFile, keyFile }: NatsTlsFiles): Promise<OwnServerTls> {
  try {
    // The key is the server's alone; here it is only found out early that it is not there.
    const [ca] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile)]);
    return { ca, allowPartialTrustChain: true, checkServerIdentity: () => undefined };
  } catch (cause) {
    throw new SandboxError(
      'configuration',
      `The certificate of the machines' NATS server cannot be read: ${(cause as Error).message}. Correct BOXYARD_MACHINES_NATS_TLS_CERT and BOXYARD_MACHINES_NATS_TLS_KEY.`,
      { stage: 'machines.nats', started: 'no', cause },
    );
  }
}
