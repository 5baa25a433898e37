import type { OpChange, OpChannel, OpExit, OpOpened } from '@boxyard/agent-proto/messages';
import type { Bytes } from '@boxyard/sandbox-core';

/** What an op says before its end. */
export type OpNews =
  | { readonly kind: 'data'; readonly channel: OpChannel; readonly bytes: Bytes; readonly offset: number }
  | { readonly kind: 'change'; readonly change: OpChange }
  | { readonly kind: 'ready' }
  | { readonly kind: 'opened'; readonly opened: OpOpened };

/** The last word of an op. */
export interface OpEnded {
  readonly kind: 'exit';
  readonly exit: OpExit;
}
