// A display in front of another one, whose connections can be cut while its X server goes on.
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';

export interface CuttingDisplay extends AsyncDisposable {
  readonly display: string;
  cut(): void;
}

/** @param display Of an X server of this machine. */
export async function cuttingDisplay(display: string): Promise<CuttingDisplay> {
  const pathOf = (name: string) => `/tmp/.X11-unix/X${name.slice(1)}`;
  const own = `:${randomInt(50_000, 59_000)}`;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(pathOf(display));
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
  });
  server.listen(pathOf(own));
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    display: own,
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      server.close();
      await once(server, 'close');
      await rm(pathOf(own), { force: true });
    },
  };
}
