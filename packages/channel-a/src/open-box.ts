/** How the hosts of commands and terminals come by a box: whoever composes them knows leases, they do not. */
import type { Box, CallOptions } from '@boxyard/sandbox-core';

export interface SessionRef {
  readonly sessionId: string;
  readonly groupId: string;
  /** Null for the box of this group, wherever the session works meanwhile; else the one that it works in. */
  readonly workspaceId: string | null;
}

/** Why the box is kept: `request` while somebody waits, `process` for a command that goes on, `viewer` to look. */
export interface BoxHolder {
  readonly kind: 'request' | 'process' | 'viewer';
  readonly id: string;
}

/** Held until it is disposed of. */
export interface OpenedBox extends AsyncDisposable {
  /** Whose box it is. */
  readonly groupId: string;
  readonly box: Box;
  readonly epoch: number;
}

export interface OpenBoxOptions extends CallOptions {
  /** The box must still be the one of this epoch: none is made or woken, and `fenced` says that it moved on. */
  readonly expectedEpoch?: number | undefined;
}

export type OpenBox = (
  session: SessionRef,
  holder: BoxHolder,
  options?: OpenBoxOptions,
) => Promise<OpenedBox>;

/** The session in the box that was opened for it: what was begun there stays there when the session moves. */
export function inBoxOf(session: SessionRef, { groupId }: Pick<OpenedBox, 'groupId'>): SessionRef {
  return { ...session, groupId, workspaceId: null };
}
