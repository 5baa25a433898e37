// One connection to a port of a machine, carried through the relay: both sides dial there, and the bus only says so.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { StreamKind } from '@boxyard/agent-proto/messages';
import { type RelayChannel, RelayDialler, type RelayStream } from '@boxyard/agent-proto/relay';
import { SandboxError } from '@boxyard/sandbox-core';
import type { MachineCalls } from './machine-calls.ts';

/** Where connections to ports of machines meet. */
export interface PortRelay {
  /** As `RelayDialler` takes it. */
  readonly url: string;
  /** Lets its holder use this one stream; asked again before it runs out. */
  readonly token: (channel: RelayChannel) => string;
}

/** Whoever is connected waits for it. */
const JOIN_DEADLINE_MS = 10_000;

export interface RelayTunnel {
  /** Until both sides have said all. @throws when one of them has gone in the middle. */
  carry(socket: Socket): Promise<void>;
}

/**
 * Resolves once the machine is connected to its port and both are at the relay.
 *
 * @throws RelayError or SandboxError `unreachable` when one of them cannot get there; SandboxError for what the machine
 * refuses.
 */
export async function openRelayTunnel(
  port: number,
  calls: MachineCalls,
  relay: PortRelay,
  signal: AbortSignal,
): Promise<RelayTunnel> {
  const [opId, channelId] = [randomUUID(), randomUUID()];
  const what = `Connecting to port ${port}`;
  const channel = { ...calls.machine, channelId, kind: StreamKind.PORT, port };
  const joining = new RelayDialler(relay).consume(channel, { signal, deadlineMs: JOIN_DEADLINE_MS });
  joining.catch(() => undefined);
  const end = () => {
    calls.giveUp(opId, what);
    joining.then(
      (stream) => stream.close(),
      () => undefined,
    );
  };
  try {
    const value = { op: { case: 'tunnel', value: { port, channelId } }, originId: opId } as const;
    await calls.ask({ case: 'opStart', value }, { what, signal, changes: true, requestId: opId });
    const stream = await joining;
    return {
      carry: (socket) => carry(socket, stream, signal).finally(end),
    };
  } catch (error) {
    end();
    throw error;
  }
}

async function carry(socket: Socket, stream: RelayStream, signal: AbortSignal): Promise<void> {
  const outward = async () => {
    for await (const bytes of socket as AsyncIterable<Buffer>) await stream.write(bytes, { signal });
    await stream.finishWriting();
  };
  const inward = async () => {
    for await (const event of stream.read()) {
      if (event.kind === 'finished') {
        socket.end();
        return;
      }
      if (event.kind !== 'data') break;
      if (!socket.write(event.bytes)) await once(socket, 'drain', { signal });
    }
    throw new SandboxError('unreachable', 'The connection to the machine was cut. Connect again.', {
      cause: (await stream.ended).error ?? undefined,
    });
  };
  const cut = Promise.withResolvers<never>();
  const abort = () => cut.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([Promise.all([outward(), inward()]), cut.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
