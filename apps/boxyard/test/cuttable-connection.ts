/** A plain TCP relay whose connections can be cut, as a network cuts them: without a word and in the middle. */
import { type AddressInfo, connect, createServer } from 'node:net';
import { TiedSockets } from '@tooling/tied-sockets';

export interface CuttableConnection {
  readonly url: string;
  /** Cuts everything that is connected; new connections are let through. Answers how many were cut. */
  readonly cut: () => number;
  readonly stop: () => void;
}

/** `to` is asked for each connection: a server that was started again has another address. */
export async function startCuttableConnection(to: () => string): Promise<CuttableConnection> {
  const sockets = new TiedSockets();
  const server = createServer((near) => {
    const { hostname, port } = new URL(to());
    const far = connect(Number(port), hostname);
    sockets.tie(near, far);
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    const { pairs } = sockets;
    sockets.reset();
    return pairs;
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    stop: () => {
      cut();
      server.close();
    },
  };
}
