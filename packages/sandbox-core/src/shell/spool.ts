import type { OutputCursor } from '../box-process.ts';
import type { Bytes } from '../call-options.ts';
import type { OpRecord } from './op-record.ts';
import type { SpoolUsage } from './spool-budget.ts';

export type SpoolChannel = 'stdout' | 'stderr';

/** What is wanted of each output: from where, and how much at most. */
export interface OutputWish {
  readonly from: OutputCursor;
  readonly most: Readonly<Record<SpoolChannel, number>>;
  /** Where what was read before may be overwritten, left here by the spool that uses it. */
  readonly into?: Partial<Record<SpoolChannel, Bytes>> | undefined;
}

/** What became of a stdin chunk: kept, its number is taken, too many wait, or nobody reads it any more. */
export type FeedOutcome = 'kept' | 'taken' | 'full' | 'closed' | 'ended';

/** Output files that are there before anybody knows whose output they will hold. */
export interface SpoolSlots {
  /**
   * Makes the files of `slot` those of the op `id`, before its claim; false when it has files already. An op that
   * is fed gets the FIFO of its lane too, which stays the lane's.
   */
  hand(slot: string, id: string, isFed: boolean): Promise<boolean>;
  /** Removes what an op was handed that was never claimed; files of a claimed op stay. */
  takeBack(id: string): Promise<void>;
}

/** Who reads and writes the files of ops: our own file system where the spool is on it, else the shell. */
export interface Spool {
  /** Null when there is no such op. */
  record(id: string): Promise<OpRecord | null>;
  list(): Promise<readonly string[]>;
  /** What is there of both outputs; empty where there is nothing yet. */
  read(id: string, wish: OutputWish): Promise<Readonly<Record<SpoolChannel, Bytes>>>;
  /** Present sizes of both outputs. */
  sizes(id: string): Promise<{ readonly stdout: number; readonly stderr: number }>;
  /** Stores what a claimed op needs before it starts. */
  put(id: string, part: 'script' | 'stdin', bytes: Bytes): Promise<void>;
  /** Stores stdin chunk `number`, counted from 1; an empty one ends the input. */
  feed(id: string, number: number, bytes: Bytes): Promise<FeedOutcome>;
  /** What all files of the spool take. */
  usage(): Promise<SpoolUsage>;
  /** Removes every file of these ops, their claims last. */
  forget(ids: readonly string[]): Promise<void>;
  /** The same for an op that nobody asks for any more, at the latest with `flush`. */
  forgetSoon(id: string): void;
  /** Removes now what was to go soon; with an id only if that is among it. */
  flush(id?: string): Promise<void>;
  /** Only where files can be given another name without the shell. */
  readonly slots?: SpoolSlots;
  /** How much one read gives of each output at most; less means that there is no more now. */
  readonly blockBytes: number;
  /** How long one stdin chunk may be. */
  readonly chunkBytes: number;
}

export const SPOOL_LETTER = { stdout: 'o', stderr: 'e', script: 's', stdin: 'i' } as const;

/** More chunks than this may not wait for a command that does not read. */
export const MOST_WAITING_CHUNKS = 256;
