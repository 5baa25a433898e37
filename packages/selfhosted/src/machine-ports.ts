// Ports of a machine, each behind a port of our own loopback: a connection to it is carried as an op to the machine's
// loopback and nowhere else.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import {
  type BoxPorts,
  type Bytes,
  bounded,
  type CallOptions,
  checkPort,
  type ExposedPort,
  SandboxError,
} from '@boxyard/sandbox-core';
import { OpReader } from './op-reader.ts';
import type { MachineFilesOptions } from './rooted-files.ts';
import { SerialInput } from './serial-input.ts';

type Options = Omit<MachineFilesOptions, 'root'>;

export class MachinePorts implements BoxPorts {
  readonly #options: Options;
  readonly #exposed = new Map<number, Promise<ExposedPort>>();

  constructor(options: Options) {
    this.#options = options;
  }

  expose(port: number, options?: CallOptions): Promise<ExposedPort> {
    return bounded(options, 'Exposing a port', async () => {
      this.#options.handle.ensureOpen();
      checkPort(port);
      const known = this.#exposed.get(port);
      if (known !== undefined) return known;
      const exposed = this.#listen(port);
      this.#exposed.set(port, exposed);
      exposed.catch(() => this.#exposed.delete(port));
      return exposed;
    });
  }

  async #listen(port: number): Promise<ExposedPort> {
    const sockets = new Set<Socket>();
    const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      void this.#carry(port, socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    server.unref();
    this.#options.handle.onClose(async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    const address = server.address();
    if (address === null || typeof address === 'string') {
      throw new SandboxError('unreachable', 'Exposing a port failed: there is none left here. Try again.');
    }
    return { port, url: `http://127.0.0.1:${address.port}`, tls: false, expiresAt: null };
  }

  async #carry(port: number, socket: Socket): Promise<void> {
    const { calls, frames, handle, maxChunkBytes } = this.#options;
    const opId = randomUUID();
    const what = `Connecting to port ${port}`;
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, handle.closed]);
    const reader = new OpReader({ calls, frames, opId, what, ownStream: true });
    socket.on('error', () => stop.abort());
    socket.once('close', () => stop.abort());
    try {
      await reader.start({ case: 'tunnel', value: { port } }, { signal, changes: true });
      const input = new SerialInput(opId, calls, maxChunkBytes);
      const sending = (async () => {
        for await (const bytes of socket as AsyncIterable<Buffer>)
          await input.write(new Uint8Array(bytes) as Bytes, signal);
        await input.end(signal);
      })();
      sending.catch(() => undefined);
      for await (const item of reader.news(signal)) {
        if (item.kind === 'data' && !socket.write(item.bytes)) await once(socket, 'drain', { signal });
      }
      socket.end();
    } catch {
      // Who is connected sees the end of the connection, as with any port that does not answer.
      socket.destroy();
    } finally {
      reader.stop();
      calls.giveUp(opId, what);
    }
  }
}
