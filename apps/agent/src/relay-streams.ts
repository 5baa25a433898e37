import { type StreamChannel, StreamCloseReason } from '@boxyard/agent-proto/messages';
import { RelayDialler, type RelayStream } from '@boxyard/agent-proto/relay';
import type { RelayDuplex } from '@boxyard/selfhosted/server';

/** How the agent brings a terminal to the relay. */
export function relayStreams(url: string, token: () => Promise<string>) {
  const dialler = new RelayDialler({ url, token });
  return async ({ workspaceId, agentId, channelId, kind, port }: StreamChannel): Promise<RelayDuplex> => {
    const stream = await dialler.produce({ workspaceId, agentId, channelId, kind, port });
    return {
      incoming: typedIn(stream),
      send: (bytes) => stream.write(bytes),
      close: (reason, message) =>
        stream.close({
          reason: reason === 'process-exit' ? StreamCloseReason.PROCESS_EXIT : StreamCloseReason.NORMAL,
          message,
        }),
    };
  };
}

async function* typedIn(stream: RelayStream): AsyncGenerator<Uint8Array, void, void> {
  for await (const event of stream.read()) if (event.kind === 'data') yield event.bytes;
}
