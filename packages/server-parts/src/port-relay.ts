// How this process joins, at the relay, the connections to ports of machines that it makes for its users.
import { mintStreamToken } from '@boxyard/sandbox-core';
import type { MachineProviderOptions } from '@boxyard/selfhosted';

/** @param url Where this process dials the relay; null while there is none that a machine would be at, too. */
export function portRelay(
  tokenSecret: string | Uint8Array,
  url: () => string | null,
): NonNullable<MachineProviderOptions['relay']> {
  const token = (channel: {
    readonly workspaceId: string;
    readonly agentId: string;
    readonly channelId: string;
    readonly port: number;
  }): string => {
    const { workspaceId, agentId, channelId, port } = channel;
    // Nobody but this process ever uses the stream, which is drawn for one connection: that is all there is to name.
    const own = { sessionId: channelId, viewerId: channelId, sandboxGroupId: agentId, leaseEpoch: 0 };
    const claims = { workspaceId, agentId, channelId, port, kind: 'port', mode: 'control', ...own } as const;
    return mintStreamToken(tokenSecret, claims).token;
  };
  return () => {
    const at = url();
    return at === null ? null : { url: at, token };
  };
}
