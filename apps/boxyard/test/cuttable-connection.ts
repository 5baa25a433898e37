/** A plain TCP relay whose connections can be cut, as a network cuts them: without a word and in the middle. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface CuttableConnection {
  readonly url: string;
  /** Cuts everything that is connected; new connections are let through. Answers how many were cut. */
  readonly cut: () => number;
  readonly stop: () => void;
}

/** `to` is asked for each connection: a server that was started again has another address. */
export async function startCuttableConnection(to: () => string): Promise<CuttableConnection> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const { hostname, port } = new URL(to());
    const far = connect(Number(port), hostname);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    const { size } = sockets;
    for (const socket of sockets) socket.resetAndDestroy();
    return size / 2;
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
