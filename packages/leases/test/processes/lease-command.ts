// What the test tells a process to do, and what it hears back; node's own channel carries it.
import type { HolderKind } from '@boxyard/sandbox-core';
import type { PostgresConnection } from '@boxyard/store-postgres/testing';
import type { ModelMutant } from './model-mutants.ts';

export interface Group {
  readonly groupId: string;
  readonly workspaceId: string;
}

export type LeaseCommand =
  /** Opens, writes as often as it says, and lets go unless it stays. */
  | {
      readonly do: 'visit';
      readonly group: Group;
      readonly kind: HolderKind;
      readonly holder: string;
      readonly writes: number;
      readonly stays: boolean;
    }
  /** Writes through, or lets go of, the box that has stayed open longest. */
  | { readonly do: 'write' | 'leave' }
  | { readonly do: 'capture' | 'delete'; readonly group: Group }
  | { readonly do: 'pause'; readonly group: Group; readonly force: boolean }
  | { readonly do: 'tick' | 'sweep' }
  /** Stands still, its event loop too. */
  | { readonly do: 'freeze'; readonly ms: number }
  /** Kills itself with its n-th statement from now: before it is sent, or while its answer is awaited. */
  | { readonly do: 'die'; readonly statements: number; readonly sent: boolean };

export type LeaseReply =
  | { readonly id: number; readonly outcome: string }
  /** Something that no caller may ever see. */
  | { readonly id: number; readonly fault: string };

/** How a process is started. */
export interface LeaseProcessSetup {
  readonly name: string;
  readonly socket: string;
  readonly blobDir: string;
  readonly connection: PostgresConnection;
  /** What is wrong with its leases. */
  readonly mutant?: ModelMutant | undefined;
}
