import type { Bytes } from '../call-options.ts';

/** Three lanes to one process in a box: what every transport that can hold such a process has to offer. */
export interface ShellChannel {
  /** In order; buffered as far as the transport needs. Ignored once the channel has closed. */
  write(bytes: Bytes): void;
  /** What the process prints on stdout. Called once, before anything is written. */
  onStdout(listener: (bytes: Uint8Array) => void): void;
  /** What the process prints on stderr. */
  onStderr(listener: (bytes: Uint8Array) => void): void;
  /** Settles, and never rejects, when no byte will come any more; with why where that is known. */
  readonly closed: Promise<string>;
  /** End of input: the process handles what it was sent and exits by itself. */
  end(): void;
  /** Lets go at once, whatever the other side does. */
  destroy(): void;
}

/** Starts `argv` in the box. Rejects with a SandboxError when it cannot. */
export type OpenShellChannel = (argv: readonly [string, ...string[]]) => Promise<ShellChannel>;
