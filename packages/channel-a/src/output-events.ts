import type { SessionEventDraft } from '@boxyard/contracts';
import type { Bytes, RedactionStream, Redactor } from '@boxyard/sandbox-core';

export interface OutputEventsOptions<Channel extends string> {
  readonly redactor: Redactor;
  /** The event that tells of a piece; `seq` counts the pieces. */
  readonly delta: (channel: Channel, chunk: string, seq: number) => SessionEventDraft;
  /** The event that tells that nothing more is told, where there is one. */
  readonly elided?: (afterBytes: number) => SessionEventDraft;
  /** How much output is told at most. 1 MiB when absent. */
  readonly maxBytes?: number | undefined;
  /** What a former process has told already: it is left out when all output is pushed once more. */
  readonly told?: { readonly bytes: Readonly<Record<Channel, number>>; readonly nextSeq: number } | undefined;
  /** Stores events while the output goes on. */
  readonly append: (events: readonly SessionEventDraft[]) => Promise<unknown>;
}

/** Short enough to look live, long enough that a chatty command is ten statements a second and not a thousand. */
const BATCH_MS = 100;
const BATCH_LENGTH = 32 * 1024;
/** What one command or terminal may put into the session's log; its own stream has everything. */
const DEFAULT_MAX_BYTES = 1024 * 1024;

interface Piece<Channel> {
  readonly channel: Channel;
  chunk: string;
  readonly seq: number;
}

interface Filter {
  readonly decoder: InstanceType<typeof TextDecoder>;
  readonly redaction: RedactionStream;
}

/**
 * Tells a session's log what is printed, in batches and up to a limit. What ends within the first batch costs no
 * statement of its own: it is stored with the end.
 */
export class OutputEvents<Channel extends string> {
  readonly #options: OutputEventsOptions<Channel>;
  readonly #filters = new Map<Channel, Filter>();
  /** How much of each channel's text is still to be left out. The same output makes the same text. */
  readonly #repeats = new Map<Channel, number>();
  #pieces: Piece<Channel>[] = [];
  #piecesLength = 0;
  /** Not stored when it should have been: goes with the next batch. */
  #unstored: SessionEventDraft[] = [];
  readonly #maxBytes: number;
  #seq = 0;
  #seenBytes = 0;
  #elided = false;
  #timer: NodeJS.Timeout | undefined;
  #storing: Promise<void> = Promise.resolve();

  constructor(options: OutputEventsOptions<Channel>) {
    this.#options = options;
    this.#maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
    this.#seq = options.told?.nextSeq ?? 0;
    for (const [channel, bytes] of Object.entries(options.told?.bytes ?? {}) as [Channel, number][]) {
      this.#repeats.set(channel, bytes);
      this.#seenBytes += bytes;
    }
  }

  /** True when nothing more is told, however much is pushed. */
  get elided(): boolean {
    return this.#elided;
  }

  push(channel: Channel, bytes: Bytes): void {
    if (this.#elided) return;
    // What is pushed once more was counted with what was told.
    const repeated = Math.min(bytes.length, this.#repeats.get(channel) ?? 0);
    const room = Math.max(0, this.#maxBytes - this.#seenBytes) + repeated;
    const told = bytes.length > room ? bytes.subarray(0, room) : bytes;
    this.#seenBytes += told.length - repeated;
    const { decoder, redaction } = this.#filter(channel);
    this.#add(channel, redaction.write(decoder.decode(told, { stream: true })));
    if (bytes.length > room) {
      this.#drainFilters();
      this.#elided = true;
      this.#store();
    } else if (this.#piecesLength >= BATCH_LENGTH) this.#store();
    else if (this.#pieces.length > 0) this.#timer ??= setTimeout(() => this.#store(), BATCH_MS);
  }

  /** What is not stored yet, to be stored with the end. Nothing is told after it. */
  async end(): Promise<SessionEventDraft[]> {
    if (!this.#elided) this.#drainFilters();
    this.#elided = true;
    clearTimeout(this.#timer);
    await this.#storing;
    return [...this.#unstored.splice(0), ...this.#takePieces()];
  }

  #filter(channel: Channel): Filter {
    let filter = this.#filters.get(channel);
    if (filter === undefined) {
      filter = { decoder: new TextDecoder(), redaction: this.#options.redactor.stream() };
      this.#filters.set(channel, filter);
    }
    return filter;
  }

  #drainFilters(): void {
    for (const [channel, { decoder, redaction }] of this.#filters) {
      this.#add(channel, redaction.write(decoder.decode()) + redaction.end());
    }
  }

  #add(channel: Channel, text: string): void {
    if (text === '') return;
    // The log's storage knows no NUL in text.
    const chunk = this.#notYetTold(channel, text.replaceAll('\0', '\uFFFD'));
    if (chunk === '') return;
    this.#piecesLength += chunk.length;
    const last = this.#pieces.at(-1);
    if (last?.channel === channel && last.chunk.length + chunk.length <= BATCH_LENGTH) last.chunk += chunk;
    else this.#pieces.push({ channel, chunk, seq: this.#seq++ });
  }

  #notYetTold(channel: Channel, text: string): string {
    const repeated = this.#repeats.get(channel) ?? 0;
    if (repeated === 0) return text;
    const bytes = Buffer.from(text);
    this.#repeats.set(channel, Math.max(0, repeated - bytes.length));
    return bytes.toString('utf8', Math.min(repeated, bytes.length));
  }

  #takePieces(): SessionEventDraft[] {
    const { delta } = this.#options;
    this.#piecesLength = 0;
    return this.#pieces.splice(0).map(({ channel, chunk, seq }) => delta(channel, chunk, seq));
  }

  #store(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#takePieces();
    if (this.#elided && this.#options.elided) batch.push(this.#options.elided(this.#seenBytes));
    if (batch.length === 0) return;
    this.#storing = this.#storing.then(async () => {
      const all = [...this.#unstored.splice(0), ...batch];
      try {
        await this.#options.append(all);
      } catch {
        // Their `seq` lets a reader drop what was stored after all.
        this.#unstored = all;
      }
    });
  }
}
