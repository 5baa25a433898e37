import type { RestoreReceipt, StopCause } from '@boxyard/contracts';
import type { BoxRef, LeaseState } from '@boxyard/sandbox-core';

/** What happened to boxes, for logs, events and meters. Told after the fact; a listener changes nothing. */
export type LeaseNotice =
  | {
      readonly type: 'spawned';
      readonly groupId: string;
      readonly workspaceId: string;
      readonly epoch: number;
      readonly origin: 'created' | 'resumed';
      /** Null when there was nothing to restore. */
      readonly receipt: RestoreReceipt | null;
    }
  /** The box of this epoch is proven gone, although nobody stopped it; another one is made. */
  | { readonly type: 'lost'; readonly groupId: string; readonly epoch: number }
  | {
      readonly type: 'spawn-failed';
      readonly groupId: string;
      readonly epoch: number;
      readonly error: unknown;
    }
  | {
      readonly type: 'captured';
      readonly groupId: string;
      readonly epoch: number;
      readonly artifactId: string;
      readonly sizeBytes: number;
    }
  | {
      readonly type: 'capture-failed';
      readonly groupId: string;
      readonly epoch: number;
      readonly error: unknown;
    }
  /** The box was stopped. `captured` is false when nothing was dirty. */
  | {
      readonly type: 'stopped';
      readonly groupId: string;
      readonly epoch: number;
      readonly cause: StopCause;
      readonly reason: string | null;
      readonly captured: boolean;
    }
  | { readonly type: 'destroyed'; readonly groupId: string; readonly ref: BoxRef; readonly reason: string }
  | {
      readonly type: 'destroy-failed';
      readonly groupId: string;
      readonly ref: BoxRef;
      readonly attempts: number;
      readonly error: unknown;
    }
  /** A box of ours that no lease named. */
  | { readonly type: 'swept'; readonly groupId: string; readonly ref: BoxRef }
  /** The lease has another state now. */
  | {
      readonly type: 'transition';
      readonly groupId: string;
      readonly from: LeaseState;
      readonly to: LeaseState;
    }
  | { readonly type: 'holder-lost'; readonly groupId: string; readonly kind: string; readonly id: string }
  /** Something in the background failed; it is tried again by itself. */
  | {
      readonly type: 'trouble';
      readonly stage: string;
      readonly groupId: string | null;
      readonly error: unknown;
    };
