// Connections to ports of the machine's own loopback: their bytes are the op's own, or flow through the relay.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  ErrorCode,
  OpChannel,
  StreamChannelSchema,
  StreamKind,
  type TunnelBegin,
} from '@boxyard/agent-proto/messages';
import { SandboxError } from '@boxyard/sandbox-core';
import { create } from '@bufbuild/protobuf';
import { WireRefusal } from '../machine-failure.ts';
import { dataOf } from './channel-data.ts';
import type { OpPlace } from './op-starts.ts';
import type { RelayDuplex } from './policy.ts';
import { RunningOp } from './running-op.ts';
import { ENDED_WELL, type ServedOp } from './served-op.ts';

/** @throws WireRefusal for a port that the owner does not open, SandboxError `not-found` where nothing listens. */
export async function beginTunnel(
  place: Pick<OpPlace, 'policy' | 'self'>,
  id: string,
  originId: string,
  { port, channelId }: Pick<TunnelBegin, 'port' | 'channelId'>,
): Promise<ServedOp> {
  if (place.policy.allowPort?.(port) !== true) {
    throw new WireRefusal(ErrorCode.CONSENT_REQUIRED, `The owner of the machine does not open port ${port}.`);
  }
  const socket = await connected(port);
  if (channelId !== '') return overTheRelay(place, id, originId, socket, { port, channelId });
  return new RunningOp(id, originId, {
    output: () => dataOf(socket, OpChannel.STDOUT),
    endedAs: async () => ENDED_WELL,
    input: async (bytes, end) => {
      if (bytes.length > 0) await sent(socket, bytes);
      if (end) socket.end();
    },
    release: async () => void socket.destroy(),
  });
}

async function connected(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  await once(socket, 'connect').catch((cause: unknown) => {
    throw new SandboxError('not-found', `Nothing listens on port ${port} of the machine. Start it first.`, {
      cause,
      started: 'no',
    });
  });
  return socket;
}

async function overTheRelay(
  { policy, self }: Pick<OpPlace, 'policy' | 'self'>,
  id: string,
  originId: string,
  socket: Socket,
  { port, channelId }: { readonly port: number; readonly channelId: string },
): Promise<ServedOp> {
  // It may go while the relay is dialled; whoever reads and writes it then hears of it.
  socket.on('error', () => {});
  try {
    if (policy.dialRelay === undefined) {
      throw new WireRefusal(ErrorCode.UNSUPPORTED, 'This agent has no relay for ports.');
    }
    const channel = create(StreamChannelSchema, { ...self, channelId, kind: StreamKind.PORT, port });
    const relay = await policy.dialRelay(channel).catch((cause: unknown) => {
      throw new SandboxError(
        'unreachable',
        'The machine does not reach the relay. Check that it may dial its address.',
        { cause, stage: 'tunnel.relay', started: 'no' },
      );
    });
    const op = new RunningOp(id, originId, {
      release: async () => {
        socket.destroy();
        // What nobody wants any more is not waited for.
        void relay.close('normal');
      },
    });
    void carry(socket, relay).then(
      () => op.noteEnd(ENDED_WELL),
      () => op.noteEnd({ ...ENDED_WELL, exitCode: -1, endedBy: 'unknown' }),
    );
    return op;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Until both sides have said all, or one of them has gone. */
async function carry(socket: Socket, relay: RelayDuplex): Promise<void> {
  const outward = async () => {
    for await (const bytes of socket as AsyncIterable<Buffer>) await relay.send(bytes);
    await relay.finish();
  };
  const inward = async () => {
    for await (const bytes of relay.incoming) {
      if (bytes.length === 0) {
        socket.end();
        return;
      }
      await sent(socket, bytes);
    }
    throw new SandboxError('closed', 'The other side of the connection has gone.');
  };
  try {
    await Promise.all([outward(), inward()]);
    await relay.close('normal');
  } catch (error) {
    // Whoever is left sees an end in the middle and not one in good order.
    socket.resetAndDestroy();
    await relay.close('normal', 'The connection was cut.');
    throw error;
  }
}

function sent(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(bytes, (error) => (error == null ? resolve() : reject(error)));
  });
}
