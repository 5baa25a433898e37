import { decodeBase64, encodeBase64 } from './base64.ts';
import { BoxyardError } from './boxyard-error.ts';
import type { CallOptions } from './call-options.ts';
import type { CommandsRoutes } from './generated/route-groups.ts';
import type { Op, OpStreamMessage } from './generated/schemas.ts';
import { type Bytes, toBytes } from './request-content.ts';
import { resumedEvents } from './resumed-events.ts';

/** A piece of what a command printed. */
export interface CommandOutput {
  readonly stream: 'stdout' | 'stderr';
  /** Exactly what was printed. */
  readonly bytes: Bytes;
  /** The same as UTF-8; a character that is cut by the end of the piece comes with the next one. */
  readonly text: string;
  /** Where `bytes` begins, counted in bytes of its stream. */
  readonly offset: number;
}

/** How a command ended. */
export interface CommandExit {
  readonly exitCode: number;
  /** The signal that ended it. */
  readonly signal: string | null;
  readonly timedOut: boolean;
}

export interface OutputOptions {
  readonly signal?: AbortSignal | undefined;
  /** Where to begin, in bytes. */
  readonly from?: { readonly stdout?: number; readonly stderr?: number };
  /** How long a connection that broke is tried again; 60 s when absent. */
  readonly resumeMs?: number;
}

/** A command that runs in a box, or has run there. It belongs to its id and not to any connection. */
export class Command {
  readonly opId: string;
  readonly #routes: CommandsRoutes;
  readonly #seen = { stdout: 0, stderr: 0 };
  #exit: CommandExit | undefined;

  constructor(routes: CommandsRoutes, opId: string) {
    this.#routes = routes;
    this.opId = opId;
  }

  /**
   * What it prints, from the beginning or `from` on, until it ends. A connection that breaks is taken up again at
   * the byte where it broke.
   * @throws BoxyardError `outcome-unknown` when how it ended cannot be known any more.
   */
  async *output(options: OutputOptions = {}): AsyncGenerator<CommandOutput, void, undefined> {
    const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
    const offsets = { stdout: options.from?.stdout ?? 0, stderr: options.from?.stderr ?? 0 };
    const messages = resumedEvents({
      open: (lastEventId) =>
        this.#routes.stream(
          this.opId,
          lastEventId === undefined ? { stdoutOffset: offsets.stdout, stderrOffset: offsets.stderr } : {},
          {
            signal: options.signal,
            headers: lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId },
          },
        ),
      isEnd: (message) => !('stream' in message),
      signal: options.signal,
      resumeMs: options.resumeMs,
    });
    for await (const { data: message } of messages) {
      if (!('stream' in message)) {
        this.#exit = exitOf(message);
        break;
      }
      const { stream, offset } = message;
      const bytes = bytesOf(message);
      offsets[stream] = offset + bytes.length;
      this.#seen[stream] = Math.max(this.#seen[stream], offsets[stream]);
      yield { stream, bytes, offset, text: decoders[stream].decode(bytes, { stream: true }) };
    }
    // A character that was cut by the very end.
    for (const stream of ['stdout', 'stderr'] as const) {
      const text = decoders[stream].decode();
      if (text !== '') yield { stream, bytes: new Uint8Array(), text, offset: offsets[stream] };
    }
  }

  /** Waits for its end; an exit code that is not 0 is an answer and no error. */
  async wait(options: Omit<OutputOptions, 'from'> = {}): Promise<CommandExit> {
    if (this.#exit === undefined) for await (const _ of this.output({ ...options, from: this.#seen }));
    return this.#exit!;
  }

  /** How it stands right now. */
  status(options: CallOptions = {}): Promise<Op> {
    return this.#routes.get(this.opId, options);
  }

  /** Never repeated by itself: after `outcome-unknown` the command may have read it. */
  writeStdin(data: string | Uint8Array, options: CallOptions = {}): Promise<void> {
    return this.#routes.writeStdin(
      this.opId,
      { data: encodeBase64(toBytes(data)), encoding: 'base64' },
      options,
    );
  }

  /** Nothing more comes: the command reads the end of its input. */
  closeStdin(options: CallOptions = {}): Promise<void> {
    return this.#routes.writeStdin(this.opId, { close: true }, options);
  }

  /** Ends it and everything that it started. `graceMs`: between SIGTERM and SIGKILL. */
  kill(options: CallOptions & { readonly graceMs?: number } = {}): Promise<void> {
    const { graceMs, ...call } = options;
    return this.#routes.kill(this.opId, graceMs === undefined ? {} : { graceMs }, call);
  }
}

type OutputMessage = Extract<OpStreamMessage, { stream: unknown }>;
type EndMessage = Exclude<OpStreamMessage, OutputMessage>;

const bytesOf = (message: OutputMessage): Bytes =>
  'chunk' in message ? new TextEncoder().encode(message.chunk) : decodeBase64(message.chunkBase64);

function exitOf(message: EndMessage): CommandExit {
  if ('lost' in message) {
    throw new BoxyardError(
      'outcome-unknown',
      `How the command ended is not known: ${message.lost}. Look at what it left behind before running it again.`,
      { started: 'yes' },
    );
  }
  return { exitCode: message.exitCode, signal: message.signal, timedOut: message.timedOut };
}
