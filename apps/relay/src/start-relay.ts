import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Settings } from '@boxyard/config';
import { createRelay, type Relay, type RelayNotice } from '@boxyard/streaming/relay';

export interface RunningRelay {
  readonly relay: Relay;
  /** Where producers and viewers dial. */
  readonly url: string;
  /** Says goodbye to everybody; they come back to another relay or to this one once it runs again. */
  stop(): Promise<void>;
}

export type RelaySettings = Pick<Settings, 'relayHost' | 'relayPort' | 'relaySecret' | 'metricsToken'>;

/**
 * A relay with a server of its own.
 *
 * @throws the listen error, for instance EADDRINUSE.
 * @throws TypeError without a secret.
 */
export async function startRelay(
  settings: RelaySettings,
  onNotice: (notice: RelayNotice) => void,
): Promise<RunningRelay> {
  const { relayHost, relayPort, relaySecret, metricsToken } = settings;
  if (relaySecret === null) {
    throw new TypeError('BOXYARD_RELAY_SECRET is missing: write what boxyard-relay secret prints.');
  }
  const relay = createRelay({
    secret: Buffer.from(relaySecret, 'hex'),
    onNotice,
    ...(metricsToken === null ? {} : { metricsToken }),
  });
  const server = createServer((request, response) => {
    if (!relay.handle(request, response)) response.writeHead(404).end();
  });
  relay.attach(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(relayPort, relayHost, resolve);
  });
  const { address, port, family } = server.address() as AddressInfo;
  return {
    relay,
    url: `ws://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    async stop() {
      await relay.close();
      server.closeAllConnections();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
}
