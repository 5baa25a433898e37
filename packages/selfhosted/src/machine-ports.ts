// Ports of a machine, each behind a port of our own loopback: a connection to it is carried to the machine's loopback
// and nowhere else, through the relay where there is one and over the bus where there is none.
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { RelayError } from '@boxyard/agent-proto/relay';
import {
  type BoxPorts,
  bounded,
  type CallOptions,
  checkPort,
  type ExposedPort,
  SandboxError,
} from '@boxyard/sandbox-core';
import { carryOverBus } from './bus-tunnel.ts';
import { openRelayTunnel, type PortRelay, type RelayTunnel } from './relay-tunnel.ts';
import type { MachineFilesOptions } from './rooted-files.ts';

type Options = Omit<MachineFilesOptions, 'root'>;

/** A relay that was not reached is left alone for so long: whoever connects would wait for it in vain. */
const RELAY_RETRY_MS = 60_000;

export class MachinePorts implements BoxPorts {
  readonly #options: Options;
  readonly #exposed = new Map<number, Promise<ExposedPort>>();

  readonly #relay: () => PortRelay | null;
  #relayAwayUntilMs = 0;

  /** @param relay Asked for every connection; null where the bus carries them. */
  constructor(options: Options, relay: () => PortRelay | null) {
    this.#options = options;
    this.#relay = relay;
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
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, this.#options.handle.closed]);
    socket.on('error', () => stop.abort());
    socket.once('close', () => stop.abort());
    try {
      const tunnel = await this.#relayTunnel(port, signal);
      if (tunnel === null) await carryOverBus(socket, port, this.#options, signal);
      else await tunnel.carry(socket);
    } catch {
      // Who is connected sees the end of the connection, as with any port that does not answer.
      socket.resetAndDestroy();
    }
  }

  /** Null where the bus has to carry it: there is no relay, or one of the two does not reach it now. */
  async #relayTunnel(port: number, signal: AbortSignal): Promise<RelayTunnel | null> {
    const relay = performance.now() < this.#relayAwayUntilMs ? null : this.#relay();
    if (relay === null) return null;
    try {
      return await openRelayTunnel(port, this.#options.calls, relay, signal);
    } catch (error) {
      const isAway = error instanceof RelayError || SandboxError.hasCode(error, 'unreachable');
      if (!isAway || signal.aborted) throw error;
      this.#relayAwayUntilMs = performance.now() + RELAY_RETRY_MS;
      return null;
    }
  }
}
