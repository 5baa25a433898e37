import { setTimeout as delay } from 'node:timers/promises';
import type { Pty, PtyExitReason, PtyStreamMessage } from '@boxyard/contracts';
import type { BoxTerminal, Bytes, CallOptions } from '@boxyard/sandbox-core';
import { bounded, SandboxError } from '@boxyard/sandbox-core';
import { endOfWholeCharacters, strictUtf8 } from '../files/text-content.ts';
import type { OpenedBox, SessionRef } from '../open-box.ts';
import type { OutputEvents } from '../output-events.ts';
import { ReplayRing } from './replay-ring.ts';

export interface LivePtyOptions {
  readonly ptyId: string;
  readonly session: SessionRef;
  readonly terminal: BoxTerminal;
  /** Kept until the terminal has ended. */
  readonly opened: OpenedBox;
  readonly cols: number;
  readonly rows: number;
  readonly replayBytes: number;
  readonly events: OutputEvents<'output'>;
  /** Why a terminal ended that nobody here has closed. */
  readonly judgeEnd: () => Promise<PtyExitReason>;
  /** Called once, after the last byte of output. */
  readonly onEnd: (end: PtyEnd) => Promise<void>;
}

export interface PtyEnd {
  readonly exitCode: number | null;
  readonly reason: PtyExitReason;
}

const MAX_MESSAGE_BYTES = 64 * 1024;
/** A program that floods its terminal is read at some 25 MB/s, so that it does not take this process's time. */
const FLOOD_BYTES = 256 * 1024;
const FLOOD_PAUSE_MS = 10;
/** How long the exit code may take to follow the end of the output. */
const EXIT_DEADLINE_MS = 10_000;
/** Full reset of a terminal: what comes next is drawn on an empty screen. */
const RESET = '\x1bc';

/** One terminal with its memory of the screen. It needs no viewer, and no viewer can slow it down. */
export class LivePty {
  readonly ptyId: string;
  readonly session: SessionRef;
  readonly epoch: number;
  readonly createdAt = new Date();
  readonly ended: Promise<PtyEnd>;
  readonly #options: LivePtyOptions;
  readonly #ring: ReplayRing;
  readonly #waiting = new Set<() => void>();
  #cols: number;
  #rows: number;
  #viewers = 0;
  #usedMs = performance.now();
  #closing: PtyExitReason | null = null;
  #end: PtyEnd | null = null;

  constructor(options: LivePtyOptions) {
    this.#options = options;
    this.ptyId = options.ptyId;
    this.session = options.session;
    this.epoch = options.opened.epoch;
    this.#cols = options.cols;
    this.#rows = options.rows;
    this.#ring = new ReplayRing(options.replayBytes);
    this.ended = this.#live();
    this.ended.catch(() => undefined);
  }

  /** Milliseconds since somebody looked at it, typed, or it printed something. */
  get quietMs(): number {
    return this.#viewers > 0 ? 0 : performance.now() - this.#usedMs;
  }

  describe(): Pty {
    return {
      ptyId: this.ptyId,
      streamVia: 'sse-events',
      supportsInput: true,
      cols: this.#cols,
      rows: this.#rows,
      createdAt: this.createdAt.toISOString(),
    };
  }

  async write(bytes: Bytes, options: CallOptions): Promise<void> {
    this.#ensureLives('Typing into');
    this.#usedMs = performance.now();
    await this.#options.terminal.write(bytes, options);
  }

  async resize(cols: number, rows: number, options: CallOptions): Promise<void> {
    this.#ensureLives('Resizing');
    await this.#options.terminal.resize(cols, rows, options);
    this.#cols = cols;
    this.#rows = rows;
  }

  /** Hangs up. Resolves once the end is told. */
  async close(reason: PtyExitReason): Promise<void> {
    this.#closing ??= reason;
    try {
      await this.#options.terminal.close();
      await bounded({ deadlineMs: EXIT_DEADLINE_MS }, 'Closing a terminal', () => this.ended);
    } catch {
      // One that cannot be reached ends all the same, for its viewers: its box ends what is left of it.
      await this.#finish({ exitCode: null, reason });
    }
  }

  /**
   * The screen, or what follows a position, then whatever is printed, then the end. A viewer reads from the
   * memory of the terminal at its own pace: one that falls out of it is shown the screen anew.
   */
  async *view(after: number | null, signal: AbortSignal): AsyncGenerator<PtyStreamMessage, void, void> {
    this.#viewers += 1;
    const ring = this.#ring;
    let position = after;
    try {
      while (!signal.aborted) {
        if (position === null || position < ring.start || position > ring.end) {
          const screen = ring.readFrom(ring.start, this.#options.replayBytes * 2);
          const whole = this.#end === null ? endOfWholeCharacters(screen) : screen.length;
          position = ring.start + whole;
          const size = { cols: this.#cols, rows: this.#rows };
          yield { seq: position, screen: RESET + screenText(screen.subarray(0, whole), ring.start), ...size };
          continue;
        }
        const bytes = ring.readFrom(position, MAX_MESSAGE_BYTES);
        const final = this.#end !== null && position + bytes.length === ring.end;
        const whole = final ? bytes.length : endOfWholeCharacters(bytes);
        if (whole > 0) {
          const part = bytes.subarray(0, whole);
          position += whole;
          const chunk = strictUtf8(part);
          yield { seq: position, ...(chunk === null ? { chunkBase64: part.toString('base64') } : { chunk }) };
        } else if (this.#end !== null) {
          yield { seq: ring.end + 1, ...this.#end };
          return;
        } else await this.#news(signal);
      }
    } finally {
      this.#viewers -= 1;
      this.#usedMs = performance.now();
    }
  }

  #ensureLives(doing: string): void {
    if (this.#end === null) return;
    throw new SandboxError('conflict', `${doing} terminal ${this.ptyId}: it has ended. Open another one.`, {
      started: 'no',
    });
  }

  async #live(): Promise<PtyEnd> {
    const { terminal, events } = this.#options;
    try {
      let flood = 0;
      for await (const bytes of terminal.output()) {
        this.#usedMs = performance.now();
        this.#ring.push(bytes);
        events.push('output', bytes);
        this.#wake();
        flood += bytes.length;
        if (flood >= FLOOD_BYTES) {
          flood = 0;
          await delay(FLOOD_PAUSE_MS);
        }
      }
      const { exitCode } = await terminal.exited({ deadlineMs: EXIT_DEADLINE_MS });
      const reason = this.#closing ?? (await this.#options.judgeEnd());
      return await this.#finish({ exitCode: reason === 'exited' ? exitCode : null, reason });
    } catch {
      const reason = this.#closing ?? (await this.#options.judgeEnd());
      // Without a status it has not exited for all that is known.
      return await this.#finish({ exitCode: null, reason: reason === 'exited' ? 'box-gone' : reason });
    }
  }

  async #finish(end: PtyEnd): Promise<PtyEnd> {
    if (this.#end !== null) return this.#end;
    this.#end = end;
    this.#wake();
    await this.#options.onEnd(end);
    return end;
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  #news(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}

/** What was cut at its beginning starts with a whole line, so that it does not begin inside a control sequence. */
function screenText(bytes: Buffer, start: number): string {
  const lineEnd = start === 0 ? -1 : bytes.indexOf(0x0a);
  return bytes.toString('utf8', lineEnd + 1);
}
