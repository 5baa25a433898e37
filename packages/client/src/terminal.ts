import { decodeBase64, encodeBase64 } from './base64.ts';
import type { CallOptions } from './call-options.ts';
import type { TerminalsRoutes } from './generated/route-groups.ts';
import type { PtyExitReason, PtyStreamMessage } from './generated/schemas.ts';
import { type Bytes, toBytes } from './request-content.ts';
import { resumedEvents } from './resumed-events.ts';

/** What a viewer of a terminal gets: the screen as it is, then what is printed, then the end. */
export type TerminalOutput =
  | { readonly kind: 'screen'; readonly bytes: Bytes; readonly cols: number; readonly rows: number }
  | { readonly kind: 'output'; readonly bytes: Bytes }
  | { readonly kind: 'exited'; readonly exitCode: number | null; readonly reason: PtyExitReason };

/** An interactive terminal in a box. It lives on when its viewers leave; `await using` closes it. */
export class Terminal implements AsyncDisposable {
  readonly ptyId: string;
  readonly #routes: TerminalsRoutes;

  constructor(routes: TerminalsRoutes, ptyId: string) {
    this.#routes = routes;
    this.ptyId = ptyId;
  }

  /** Terminal codes for a screen like xterm.js. A connection that breaks is taken up where it broke. */
  async *output(
    options: { readonly signal?: AbortSignal; readonly resumeMs?: number } = {},
  ): AsyncGenerator<TerminalOutput, void, undefined> {
    const messages = resumedEvents({
      open: (lastEventId) =>
        this.#routes.stream(this.ptyId, {
          signal: options.signal,
          headers: lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId },
        }),
      isEnd: (message) => 'reason' in message,
      ...options,
    });
    for await (const { data } of messages) yield outputOf(data);
  }

  /** Types into it. Never repeated by itself. */
  write(data: string | Uint8Array, options: CallOptions = {}): Promise<void> {
    return this.#routes.write(
      { ptyId: this.ptyId, data: encodeBase64(toBytes(data)), encoding: 'base64' },
      options,
    );
  }

  resize(cols: number, rows: number, options: CallOptions = {}): Promise<void> {
    return this.#routes.resize({ ptyId: this.ptyId, cols, rows }, options);
  }

  /** Ends it and everything in it. */
  close(options: CallOptions = {}): Promise<void> {
    return this.#routes.close({ ptyId: this.ptyId }, options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function outputOf(message: PtyStreamMessage): TerminalOutput {
  if ('reason' in message) return { kind: 'exited', exitCode: message.exitCode, reason: message.reason };
  if ('chunkBase64' in message) return { kind: 'output', bytes: decodeBase64(message.chunkBase64) };
  const encoder = new TextEncoder();
  if ('chunk' in message) return { kind: 'output', bytes: encoder.encode(message.chunk) };
  return {
    kind: 'screen',
    bytes: encoder.encode(message.screen),
    cols: message.cols,
    rows: message.rows,
  };
}
