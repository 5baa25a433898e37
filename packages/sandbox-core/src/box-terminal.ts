import type { ExitStatus } from './box-process.ts';
import type { Bytes, CallOptions } from './call-options.ts';

export interface TerminalRequest {
  /** 1–500. */
  readonly cols: number;
  /** 1–300. */
  readonly rows: number;
  readonly cwd?: string | undefined;
  readonly shell?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** A pseudo-terminal that belongs to the process that opened it. */
export interface BoxTerminal {
  /** Everything printed since opening, once; a slow reader slows the program, it loses nothing. */
  output(): AsyncIterable<Bytes>;
  write(bytes: Bytes, options?: CallOptions): Promise<void>;
  resize(cols: number, rows: number, options?: CallOptions): Promise<void>;
  exited(options?: CallOptions): Promise<ExitStatus>;
  /** Hang-up for the shell and its whole tree. */
  close(options?: CallOptions): Promise<void>;
}

export interface BoxTerminals {
  open(request: TerminalRequest, options?: CallOptions): Promise<BoxTerminal>;
}
