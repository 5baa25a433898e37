import type { BoxGroup, OpRecord, SessionRecord } from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import type { PostgresStore } from '../src/open-store.ts';

export const WORKSPACE = uuidv7();

export function someGroup(overrides: Partial<BoxGroup> = {}): BoxGroup {
  return {
    id: uuidv7(),
    workspaceId: WORKSPACE,
    backend: 'local',
    machineId: null,
    image: null,
    environmentNames: [],
    sealedEnvironment: null,
    source: null,
    sealedSourceToken: null,
    sourceClonedAt: null,
    resources: {},
    idleTimeoutMs: null,
    maxLifetimeMs: null,
    restored: null,
    createdAt: new Date(),
    ...overrides,
  };
}

export function someSession(groupId: string, overrides: Partial<SessionRecord> = {}): SessionRecord {
  return {
    id: uuidv7(),
    workspaceId: WORKSPACE,
    groupId,
    name: null,
    metadata: {},
    createdAt: new Date(),
    ...overrides,
  };
}

/** A group with so many sessions, stored. */
export async function storeGroup(
  store: PostgresStore,
  sessionCount = 1,
): Promise<{ group: BoxGroup; sessions: readonly SessionRecord[] }> {
  const group = someGroup();
  const sessions = Array.from({ length: sessionCount }, () => someSession(group.id));
  for (const [index, session] of sessions.entries()) {
    await store.sessions.create(session, index === 0 ? group : undefined);
  }
  return { group, sessions };
}

export function someOp(session: SessionRecord, overrides: Partial<OpRecord> = {}): OpRecord {
  return {
    id: uuidv7(),
    sessionId: session.id,
    groupId: session.groupId,
    command: 'sleep 1',
    bodyDigest: 'digest',
    leaseEpoch: 1,
    hostId: uuidv7(),
    background: false,
    emitStream: true,
    startedAt: new Date(),
    state: 'running',
    result: null,
    ...overrides,
  };
}
