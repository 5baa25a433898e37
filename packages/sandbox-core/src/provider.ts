import type { BackendDescriptor } from '@boxyard/contracts';
import type { Box, BoxRef } from './box.ts';
import type { Capability } from './box-capabilities.ts';
import type { CallOptions } from './call-options.ts';

/** Who a box belongs to; carried by the box itself wherever its provider can keep a tag. */
export interface BoxTag {
  readonly deployment: string;
  readonly group: string;
  readonly epoch: number;
}

export interface BoxResources {
  readonly cpu?: number | undefined;
  readonly memoryMb?: number | undefined;
  readonly diskMb?: number | undefined;
  readonly pids?: number | undefined;
}

/** What kind of box is asked for. */
export interface BoxWish {
  readonly image?: string | undefined;
  readonly resources?: BoxResources | undefined;
}

export interface CreateBoxRequest extends BoxWish {
  readonly tag: BoxTag;
  /** Pinned for the box's life. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface ResumeBoxOptions extends CallOptions {
  readonly epoch: number;
  readonly environment: Readonly<Record<string, string>>;
}

export interface ListedBox {
  readonly ref: BoxRef;
  /** Null when the box carries no tag that could be read: reported, never destroyed. */
  readonly tag: BoxTag | null;
}

/** Makes boxes. Constructing one does no I/O. */
export interface Provider {
  readonly name: string;
  readonly descriptor: BackendDescriptor;
  /**
   * Judges, without I/O, whether such a box can be made here at all, so that a session which could never have
   * its box is refused when it is created.
   *
   * @throws SandboxError `unsupported` or `invalid` that names what cannot be had.
   */
  accept(wish: BoxWish): void;
  /** Where the workspace of a group's box is, in the box, also before there is one. Without I/O. */
  workspaceRoot(group: string): string;
  /** A second create for the same tag adopts the first box instead of making a rival. */
  create(request: CreateBoxRequest, options?: CallOptions): Promise<Box>;
  /** Never creates. `gone` when the box is proven absent, `unreachable` when nothing is proven. */
  resume(ref: BoxRef, options: ResumeBoxOptions): Promise<Box>;
  /** Idempotent: a box that is gone is destroyed. Ends everything that runs in it and removes its files. */
  destroy(ref: BoxRef, options?: CallOptions): Promise<void>;
  /** Stops what runs and keeps the files in place, so that `resume` finds them exactly. */
  readonly parking: Capability<{ park(ref: BoxRef, options?: CallOptions): Promise<void> }>;
  /** Every box of this provider's account that may be ours. */
  readonly listing: Capability<{ list(options?: CallOptions): AsyncIterable<ListedBox> }>;
  /** Whether this error of this provider proves that the box itself is absent. Unrecognised: false. */
  isGone(error: unknown): boolean;
}

/** Checks the shape that every provider shares and freezes it. */
export function defineProvider(provider: Provider): Provider {
  return Object.freeze(provider);
}
