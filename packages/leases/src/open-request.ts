import type { Backend, RestoreReceipt } from '@boxyard/contracts';
import type { Box, BoxRef, BoxResources, CallOptions, HolderKind } from '@boxyard/sandbox-core';

/** What kind of box a group has. */
export interface BoxSpec {
  readonly backend: Backend;
  /** A box that stands by itself, as a machine of a user does: it is found and never made. */
  readonly standing?: BoxRef | undefined;
  readonly image?: string | undefined;
  readonly environment?: Readonly<Record<string, string>> | undefined;
  readonly resources?: BoxResources | undefined;
  /** The group's own idle grace; null or absent for the one in the settings. */
  readonly idleGraceMs?: number | null | undefined;
  /** How long the box may be up at a time, however much it is needed; null or absent for no end of its own. */
  readonly lifetimeMs?: number | null | undefined;
}

export interface OpenBoxRequest extends CallOptions {
  readonly workspaceId: string;
  readonly groupId: string;
  /** Why the box is kept. The id of a request holder is the process's own; it need not be given. */
  readonly holder: { readonly kind: HolderKind; readonly id?: string | undefined; readonly subject: string };
  readonly spec: BoxSpec;
  /** Only the box of this epoch will do; any other is `fenced`. */
  readonly expectedEpoch?: number | undefined;
}

/** A box that is kept until this is closed. */
export interface OpenBox extends AsyncDisposable {
  readonly groupId: string;
  readonly epoch: number;
  /** Its `close` is this one's. */
  readonly box: Box;
  /** What was restored, for the one who made the box wait; null for everybody else, and when nothing was. */
  readonly receipt: RestoreReceipt | null;
  /** Aborts when the box is kept no more although it was not closed: replaced, paused or deleted. */
  readonly lost: AbortSignal;
  /** Something in the workspace is about to change. Stored once for each holder. */
  markDirty(): Promise<void>;
  /** Viewers: a person gave input just now, so the box is kept for another idle grace. */
  gaveInput(): Promise<void>;
  /** Lets go. Idempotent; the box goes on for its idle grace. */
  close(): Promise<void>;
}
