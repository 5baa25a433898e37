import type { BoxArchives } from './box-archives.ts';
import type { BoxProcess, ProcessId } from './box-process.ts';
import type { BoxTerminals } from './box-terminal.ts';
import type { CallOptions } from './call-options.ts';

/** What a box may not have is a value with its reason, never a method that one probes. */
export type Capability<Use> =
  | { readonly available: true; readonly use: Use }
  | { readonly available: false; readonly reason: string };

export interface BoxAttach {
  /** A handle to a command of this box by its id, from any process. `not-found` for an unknown id. */
  attach(id: ProcessId, options?: CallOptions): Promise<BoxProcess>;
  /** Ids of every command whose record has not been forgotten. */
  list(options?: CallOptions): Promise<readonly ProcessId[]>;
}

export interface FileChange {
  readonly kind: 'created' | 'modified' | 'deleted' | 'resync';
  /** Relative to the workspace root; empty for `resync`, after which the watcher reads everything anew. */
  readonly path: string;
  readonly isDir: boolean;
}

export interface WatchOptions {
  readonly signal: AbortSignal;
  readonly recursive?: boolean;
  /**
   * False for a folder whose content its watcher does not want: that it came or went is still told. It saves work
   * where looking costs some; a box may tell of what is below all the same.
   */
  readonly enters?: ((folderPath: string) => boolean) | undefined;
  /** Called once, when every change from now on is seen. A box that cannot tell never calls it. */
  readonly onReady?: (() => void) | undefined;
}

export interface BoxWatch {
  /** Changes below `path` from the moment the iterator is first asked, until the signal aborts. */
  watch(path: string, options: WatchOptions): AsyncIterable<FileChange>;
}

export interface ExposedPort {
  readonly port: number;
  readonly url: string;
  readonly tls: boolean;
  readonly expiresAt: Date | null;
}

export interface BoxPorts {
  /** Port 1–65535, else `invalid`. */
  expose(port: number, options?: CallOptions): Promise<ExposedPort>;
}

export interface BoxDesktop {
  /** Starts the display when it is not up and answers where its RFB bytes are served. */
  start(
    options?: CallOptions,
  ): Promise<{ readonly port: number; readonly resolution: readonly [number, number] }>;
}

export interface BoxCapabilities {
  readonly attach: Capability<BoxAttach>;
  readonly archives: Capability<BoxArchives>;
  readonly terminal: Capability<BoxTerminals>;
  readonly watch: Capability<BoxWatch>;
  readonly ports: Capability<BoxPorts>;
  readonly desktop: Capability<BoxDesktop>;
}

export const available = <Use>(use: Use): Capability<Use> => ({ available: true, use });
export const unavailable = (reason: string): Capability<never> => ({ available: false, reason });
