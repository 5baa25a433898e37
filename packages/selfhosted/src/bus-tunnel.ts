// One connection to a port of a machine, carried as the input and output of an op.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Bytes } from '@boxyard/sandbox-core';
import { OpReader } from './op-reader.ts';
import type { MachineFilesOptions } from './rooted-files.ts';
import { SerialInput } from './serial-input.ts';

/** Until the machine's side has ended. @throws whatever cut it, or why the machine refused it. */
export async function carryOverBus(
  socket: Socket,
  port: number,
  { calls, frames, maxChunkBytes }: Omit<MachineFilesOptions, 'root'>,
  signal: AbortSignal,
): Promise<void> {
  const opId = randomUUID();
  const what = `Connecting to port ${port}`;
  const reader = new OpReader({ calls, frames, opId, what, ownStream: true });
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
  } finally {
    reader.stop();
    calls.giveUp(opId, what);
  }
}
