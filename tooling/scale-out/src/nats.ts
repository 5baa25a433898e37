import { startNatsServer, type TestNatsServer } from '@tooling/nats-server';
import { freePort } from './free-port.ts';

export interface MonitoredNats extends AsyncDisposable {
  readonly url: string;
  readonly server: TestNatsServer;
  /** The processes that are connected to it, by the names that they gave. */
  connectedPids(): Promise<readonly number[]>;
}

export async function startMonitoredNats(): Promise<MonitoredNats> {
  const port = await freePort();
  const server = await startNatsServer({ config: `http: "127.0.0.1:${port}"` });
  return {
    url: server.url,
    server,
    connectedPids: async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/connz?limit=1000`);
      const { connections } = (await answer.json()) as { connections: readonly { readonly name?: string }[] };
      return connections.map(({ name = '' }) => Number(/^boxyard .* (\d+)$/.exec(name)?.[1]));
    },
    [Symbol.asyncDispose]: async () => server[Symbol.asyncDispose](),
  };
}
