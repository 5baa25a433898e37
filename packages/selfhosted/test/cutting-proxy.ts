// A TCP proxy that can be told to reset every connection through it, wherever it is in a message.
import { once } from 'node:events';
import { createServer, connect as dial, type Socket } from 'node:net';

export interface CuttingProxy {
  readonly url: string;
  /** Bytes that passed so far, in both directions. */
  readonly passed: number;
  /** Resets what is connected now; who connects again is let through. */
  cut(): void;
  close(): Promise<void>;
}

/** @param port Of a server on loopback. */
export async function cuttingProxy(port: number): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  let passed = 0;
  const server = createServer((client) => {
    const upstream = dial({ host: '127.0.0.1', port });
    const carry = (from: Socket, to: Socket) => {
      sockets.add(from);
      from.on('data', (bytes) => {
        passed += bytes.length;
        if (!to.write(bytes)) from.pause();
      });
      to.on('drain', () => from.resume());
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    };
    carry(client, upstream);
    carry(upstream, client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy does not listen');
  return {
    url: `nats://127.0.0.1:${address.port}`,
    get passed() {
      return passed;
    },
    cut: () => {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
