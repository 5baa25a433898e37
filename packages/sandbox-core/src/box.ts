import type { BoxCapabilities } from './box-capabilities.ts';
import type { BoxFiles } from './box-files.ts';
import type { BoxProcess, ExecRequest, ExecResult, SpawnRequest } from './box-process.ts';
import type { CallOptions } from './call-options.ts';

/** Names a box for its provider. Plain JSON without secrets: it is stored and outlives every process. */
export interface BoxRef {
  readonly provider: string;
  /** The provider's own id. Evidence only: ownership lives in our database. */
  readonly instance: string;
  /** What the provider needs besides the id to find the box again. */
  readonly resume: Readonly<Record<string, unknown>>;
}

/**
 * Where a session runs. Every member is there in every box; what a box may lack is a capability value.
 * Every call is bounded and cancellable, whatever the vendor below does.
 */
export interface Box extends AsyncDisposable {
  readonly ref: BoxRef;
  /** The real absolute path of the workspace inside the box. */
  readonly workspaceRoot: string;
  /** The lease epoch that this handle was opened with. */
  readonly epoch: number;
  readonly capabilities: BoxCapabilities;
  readonly files: BoxFiles;
  /** Runs to the end. Owns its command: a call that gives up kills it. */
  exec(request: ExecRequest, options?: CallOptions): Promise<ExecResult>;
  /** Starts a command; the options bound the start only. */
  spawn(request: SpawnRequest, options?: CallOptions): Promise<BoxProcess>;
  /** Lets go of the handle. Commands go on and nothing is destroyed; later calls are `closed`. Idempotent. */
  close(): Promise<void>;
}
