// Any port of a box on loopback of this machine, when it is asked for: what a container publishes is fixed when it is
// made, and which port a server takes is known only later.
import { connect, createServer, type Server, Socket } from 'node:net';
import {
  type BoxPorts,
  type BoxRef,
  bounded,
  type CallOptions,
  checkPort,
  type ExposedPort,
  SandboxError,
} from '@boxyard/sandbox-core';
import type { Engine } from './engine.ts';
import type { BoxStream, OpenBoxStream } from './shell-files/exec-stream.ts';

/**
 * `/bin/sh -c RELAY boxyard PORT`: one connection to the box's own loopback over stdin and stdout, by whatever the
 * image has for it. Servers for development often listen only there.
 */
const RELAY = `
for tool in socat nc perl python3; do command -v "$tool" >/dev/null && break; done
case $tool in
  socat) exec socat - "TCP:127.0.0.1:$1";;
  nc) exec nc 127.0.0.1 "$1";;
  perl) exec perl -MIO::Socket::INET -e '
    my $s = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or exit 1;
    my $child = fork;
    my ($from, $to) = $child ? ($s, \\*STDOUT) : (\\*STDIN, $s);
    while (sysread $from, my $part, 65536) { syswrite $to, $part or last }
    if ($child) { kill TERM => $child } else { shutdown $s, 1 }' "$1";;
esac
command -v python3 >/dev/null && exec python3 -c '
import socket, sys, threading, os
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
def up():
    while True:
        part = os.read(0, 65536)
        if not part: break
        s.sendall(part)
    s.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while True:
    part = s.recv(65536)
    if not part: break
    os.write(1, part)' "$1"
exit 1
`;

export interface DockerPortsOptions {
  readonly engine: Engine;
  readonly ref: BoxRef;
  /** On which the box has an address that this machine reaches. */
  readonly network: string;
  readonly openStream: OpenBoxStream;
}

export class DockerPorts implements BoxPorts {
  readonly #options: DockerPortsOptions;
  readonly #servers = new Map<number, Promise<Server>>();
  readonly #sockets = new Set<Socket>();
  #address: string | null = null;
  #hasRoute = true;

  constructor(options: DockerPortsOptions) {
    this.#options = options;
  }

  expose(port: number, options?: CallOptions): Promise<ExposedPort> {
    return bounded(options, 'Exposing a port', async () => {
      checkPort(port);
      const listening = this.#servers.get(port) ?? this.#listen(port);
      this.#servers.set(port, listening);
      listening.catch(() => this.#servers.delete(port));
      const at = (await listening).address();
      if (at === null || typeof at === 'string') throw notListening();
      return { port, url: `http://127.0.0.1:${at.port}`, tls: false, expiresAt: null };
    });
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const servers = await Promise.allSettled(this.#servers.values());
    this.#servers.clear();
    for (const each of servers) if (each.status === 'fulfilled') each.value.close();
  }

  #listen(port: number): Promise<Server> {
    return new Promise((resolve, reject) => {
      const server = createServer((client) => void this.#serve(client, port));
      server.once('error', (cause) => reject(notListening(cause)));
      server.listen(0, '127.0.0.1', () => resolve(server));
      // A process that is done with everything else may end.
      server.unref();
    });
  }

  async #serve(client: Socket, port: number): Promise<void> {
    this.#keep(client);
    try {
      const direct = await this.#direct(port);
      if (direct !== null) {
        this.#keep(direct);
        client.pipe(direct).pipe(client);
        client.once('close', () => direct.destroy());
        direct.once('close', () => client.destroy());
        return;
      }
      await this.#relay(client, port);
    } catch {
      // Nothing serves there: the client sees a connection that ends, as it would in the box.
      client.destroy();
    }
  }

  /** Null when nothing listens on the box's address; it may listen on the box's own loopback. */
  async #direct(port: number): Promise<Socket | null> {
    if (!this.#hasRoute) return null;
    const known = this.#address;
    const first = known === null ? null : await connected(known, port);
    if (first instanceof Socket) return first;
    // A box that was started again may have another one.
    const { engine, ref, network } = this.#options;
    const found = await engine.find(ref.instance);
    this.#address = found?.addresses.get(network) ?? null;
    const second =
      this.#address === null || this.#address === known ? first : await connected(this.#address, port);
    // An engine in a virtual machine has networks that this machine does not see.
    if (second === 'no-route') this.#hasRoute = false;
    return second instanceof Socket ? second : null;
  }

  async #relay(client: Socket, port: number): Promise<void> {
    const controller = new AbortController();
    client.once('close', () => controller.abort());
    const argv = ['/bin/sh', '-c', RELAY, 'boxyard', String(port)] as const;
    const stream: BoxStream = await this.#options.openStream(argv, controller.signal);
    client.once('close', () => stream.destroy());
    if (client.destroyed) {
      stream.destroy();
      return;
    }
    const upwards = (async () => {
      for await (const part of client) await stream.write(new Uint8Array(part as Buffer));
      stream.end();
    })().catch(() => undefined);
    for await (const part of stream.stdout) {
      if (!client.write(part))
        await new Promise<void>((resolve) => client.once('drain', resolve).once('close', () => resolve()));
    }
    client.end();
    await upwards;
    stream.destroy();
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#sockets.delete(socket));
  }
}

const CONNECT_DEADLINE_MS = 5000;

function connected(host: string, port: number): Promise<Socket | 'refused' | 'no-route'> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, allowHalfOpen: false });
    const give = (answer: Socket | 'refused' | 'no-route') => {
      socket.setTimeout(0);
      socket.removeAllListeners('error');
      socket.on('error', () => undefined);
      if (answer !== socket) socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(CONNECT_DEADLINE_MS, () => give('no-route'));
    socket.once('connect', () => give(socket));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      give(error.code === 'ECONNREFUSED' ? 'refused' : 'no-route'),
    );
  });
}

function notListening(cause?: unknown): SandboxError {
  return new SandboxError(
    'unreachable',
    'Exposing a port failed: this machine gives no port on loopback. Try again.',
    { started: 'no', cause },
  );
}
