// Tokens for streams of machines, signed as the server signs them.
import { randomUUID } from 'node:crypto';
import type { RelayChannel } from '@boxyard/agent-proto/relay';
import { deriveTokenSecret, mintMachineToken, mintStreamToken } from '@boxyard/sandbox-core';

export interface ViewerTokenOptions {
  readonly channel: RelayChannel;
  readonly viewerId: string;
  readonly sessionId?: string;
  readonly leaseEpoch?: number;
  /** The channel's own when absent. */
  readonly workspaceId?: string;
  readonly mode?: 'view' | 'control';
  readonly ttlMs?: number;
}

export function viewerToken(
  secretKey: string,
  {
    channel,
    viewerId,
    sessionId = randomUUID(),
    leaseEpoch = 1,
    workspaceId,
    mode = 'control',
    ttlMs,
  }: ViewerTokenOptions,
): string {
  const { agentId, channelId, port } = channel;
  const viewer = { sessionId, viewerId, sandboxGroupId: randomUUID(), leaseEpoch };
  const stream = { workspaceId: workspaceId ?? channel.workspaceId, agentId, channelId, port };
  const claims = { ...viewer, ...stream, kind: 'terminal', mode } as const;
  return mintStreamToken(deriveTokenSecret(secretKey), claims, { ttlMs }).token;
}

/** What a machine shows that brings a stream. */
export function producerToken(secretKey: string, workspaceId: string, agentId: string): string {
  const exp = Math.floor(Date.now() / 1000) + 600;
  return mintMachineToken('relay', { workspaceId, agentId, exp }, deriveTokenSecret(secretKey));
}
