// How this process joins, at the relay, the connections to ports of machines that it makes for its users.
import { mintStreamToken } from '@boxyard/sandbox-core';
import type { PortRelay } from '@boxyard/selfhosted';

/** @param url Where this process dials the relay; null while there is none that a machine would be at, too. */
export function portRelay(
  tokenSecret: string | Uint8Array,
  url: () => string | null,
): () => PortRelay | null {
  const token: PortRelay['token'] = ({ workspaceId, agentId, channelId, port }) => {
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
