import { type StreamChannel, StreamCloseReason, StreamKind } from '@boxyard/agent-proto/messages';
import { RelayDialler, type RelayStream } from '@boxyard/agent-proto/relay';
import type { RelayDuplex } from '@boxyard/selfhosted/server';

/** A connection to a port waits for nobody so long; the bus carries it instead. */
const PORT_DEADLINE_MS = 10_000;

/** How the agent brings terminals and connections to its ports to the relay. */
export function relayStreams(url: string, token: () => Promise<string>) {
  const dialler = new RelayDialler({ url, token });
  return async ({ workspaceId, agentId, channelId, kind, port }: StreamChannel): Promise<RelayDuplex> => {
    const deadlineMs = kind === StreamKind.PORT ? PORT_DEADLINE_MS : undefined;
    const stream = await dialler.produce({ workspaceId, agentId, channelId, kind, port }, { deadlineMs });
    return {
      incoming: incomingOf(stream),
      send: (bytes) => stream.write(bytes),
      finish: () => stream.finishWriting(),
      close: (reason, message) =>
        stream.close({
          reason: reason === 'process-exit' ? StreamCloseReason.PROCESS_EXIT : StreamCloseReason.NORMAL,
          message,
        }),
    };
  };
}

const NOTHING_MORE = new Uint8Array();

async function* incomingOf(stream: RelayStream): AsyncGenerator<Uint8Array, void, void> {
  for await (const event of stream.read()) {
    if (event.kind === 'data') yield event.bytes;
    else if (event.kind === 'finished') yield NOTHING_MORE;
  }
}
