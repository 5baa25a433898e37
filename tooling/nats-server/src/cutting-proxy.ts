// A TCP proxy in front of a nats-server that can be told to reset connections, wherever they are in a message.
import { once } from 'node:events';
import { createServer, connect as dial, type Socket } from 'node:net';
import { TiedSockets } from '@tooling/tied-sockets';

/** Towards the server or away from it. */
export type ProxyDirection = 'up' | 'down';

export interface CuttingProxy extends AsyncDisposable {
  readonly url: string;
  /** Bytes that passed so far, in both directions. */
  readonly passed: number;
  /** Resets what is connected now; who connects again is let through. */
  cut(): void;
  /**
   * Lets so many further bytes through in this direction, whatever message they end in, and resets the connection that
   * brought the last of them. Resolves once it is reset. One at a time in each direction.
   */
  cutAfter(direction: ProxyDirection, bytes: number): Promise<void>;
  close(): Promise<void>;
}

interface PlannedCut {
  left: number;
  readonly done: () => void;
}

/** @param port Of a server on loopback. */
export async function cuttingProxy(port: number): Promise<CuttingProxy> {
  const sockets = new TiedSockets();
  const planned = new Map<ProxyDirection, PlannedCut>();
  let passed = 0;

  const carry = (direction: ProxyDirection, from: Socket, to: Socket) => {
    let isCut = false;
    from.on('data', (bytes) => {
      if (isCut) return;
      const cut = planned.get(direction);
      const whole = cut === undefined || bytes.length < cut.left;
      const piece = whole ? bytes : bytes.subarray(0, cut.left);
      if (cut !== undefined) cut.left -= piece.length;
      passed += piece.length;
      if (whole) {
        if (!to.write(piece)) from.pause();
        return;
      }
      isCut = true;
      planned.delete(direction);
      to.write(piece, () => {
        from.resetAndDestroy();
        to.resetAndDestroy();
        cut.done();
      });
    });
    to.on('drain', () => from.resume());
  };

  const server = createServer((client) => {
    const upstream = dial({ host: '127.0.0.1', port });
    sockets.tie(client, upstream);
    carry('up', client, upstream);
    carry('down', upstream, client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy does not listen');

  const close = async () => {
    sockets.destroy();
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  return {
    url: `nats://127.0.0.1:${address.port}`,
    get passed() {
      return passed;
    },
    cut: () => sockets.reset(),
    cutAfter: (direction, bytes) =>
      new Promise((done) => {
        planned.set(direction, { left: bytes, done });
      }),
    close,
    [Symbol.asyncDispose]: close,
  };
}
