// What a turn tells: stored first, then published by the log.
import type { AttemptSignals, JournalEntry, NewEvent, Redactor, TurnUsage } from '@boxyard/sandbox-core';
import { ToldStream } from './told-stream.ts';
import type { TurnAttempt } from './turn-attempt.ts';

/** What a tool said is told in full to the model; people see this much of it in its last event. */
const MOST_OUTPUT_LENGTH = 32_768;
/** And this much while a command runs. */
const MOST_DELTAS_LENGTH = 262_144;

export interface TurnEventsOptions {
  readonly attempt: TurnAttempt;
  /** Each hides what must not be seen; more may come while the turn runs. */
  readonly redactors: () => readonly Redactor[];
}

/** How long an answer of the model waits for the call that it makes: only a machine that is very busy needs so long. */
const SOON_MS = 250;

/** Everything that is stored with the next statement. */
interface Write {
  readonly events: NewEvent[];
  readonly entries: JournalEntry[];
  usage: TurnUsage | null;
  readonly records: PromiseWithResolvers<StoredRecord>[];
}

/** What the record said when entries were stored. */
export type StoredRecord = Pick<AttemptSignals, 'hasMessages'>;

export class TurnEvents {
  readonly #options: TurnEventsOptions;
  readonly #text: ToldStream;
  readonly #outputs = new Map<string, ToldStream>();
  /** Which answer of the model is being told. */
  #answer = 1;
  /** The last answer of which something was told that counts. */
  #told: number | null = null;
  #waiting: Write | null = null;
  #isSoon = false;
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> | null = null;
  #failure: unknown = null;

  constructor(options: TurnEventsOptions) {
    this.#options = options;
    const { redactors } = options;
    const tell = (text: string) => {
      this.#told = this.#answer;
      this.#write('model.text.delta', { text, answer: this.#answer });
    };
    this.#text = new ToldStream({ redactors, tell });
  }

  /** A piece of the model's answer of this number, counted from 1 in the turn. */
  text(delta: string, answer: number): void {
    if (answer !== this.#answer) this.#text.end();
    this.#answer = answer;
    this.#text.push(delta);
  }

  /** This answer is asked for again: what was told of it, if anything was, does not count any more. */
  brokeOff(answer: number, reason: string): void {
    this.#text.end();
    if (this.#told === answer) this.superseded(answer, reason);
  }

  /** The pieces of this answer that were told, by whichever attempt, do not count any more. */
  superseded(answer: number, reason: string): void {
    this.#told = null;
    this.tell('model.text.superseded', { answer, reason: this.redact(reason) });
  }

  /** Behind all text that came before. */
  tell(type: string, data: Readonly<Record<string, unknown>>): void {
    this.#text.end();
    this.#write(type, data);
  }

  callStarted(callId: string, tool: string, given: string): void {
    this.tell('tool.call.started', { callId, tool, arguments: this.redact(given) });
  }

  /** What a command prints while its call is worked on; nothing of it comes behind the call's end. */
  callOutput(callId: string, piece: string): void {
    let output = this.#outputs.get(callId);
    if (output === undefined) {
      output = new ToldStream({
        redactors: this.#options.redactors,
        tell: (chunk, elided) => this.#write('tool.call.output.delta', { callId, chunk, elided }),
        mostLength: MOST_DELTAS_LENGTH,
      });
      this.#outputs.set(callId, output);
    }
    output.push(piece);
  }

  callCompleted(callId: string, tool: string, output: string): void {
    this.#outputs.get(callId)?.end();
    this.#outputs.delete(callId);
    const shown = this.redact(output);
    const truncated = shown.length > MOST_OUTPUT_LENGTH;
    this.tell('tool.call.completed', {
      callId,
      tool,
      output: truncated ? shown.slice(0, MOST_OUTPUT_LENGTH) : shown,
      truncated,
    });
  }

  /** An event of this turn, for statements that store it themselves. */
  event(type: string, data: Readonly<Record<string, unknown>>): NewEvent {
    return { type, data, turnId: this.#options.attempt.key.turnId };
  }

  /**
   * Writes entries in one step with everything that was told and recorded before and is not stored yet.
   *
   * @throws what the log threw, also at an earlier write.
   */
  record(entries: readonly JournalEntry[]): Promise<StoredRecord> {
    return this.#record(entries, null);
  }

  /**
   * Leaves an answer of the model, told of by `turn.usage`, for the next write: the call that it makes is stored in
   * one step with it. When it fails, the next `record`, `stored` or `flush` throws.
   */
  recordSoon(entries: readonly JournalEntry[], usage: TurnUsage): void {
    this.#isSoon = true;
    this.tell('turn.usage', { usage });
    this.#record(entries, usage).catch(() => undefined);
    this.#isSoon = false;
  }

  /** Resolves when everything that was told or recorded up to now is stored. @throws what the log threw. */
  async stored(): Promise<void> {
    if (this.#waiting !== null) this.#begin();
    while (this.#writing !== null) await this.#writing;
    if (this.#failure !== null) throw this.#failure;
  }

  /** Ends all texts and outputs, and resolves when they are stored too. @throws what the log threw. */
  async flush(): Promise<void> {
    this.#text.end();
    for (const output of this.#outputs.values()) output.end();
    this.#outputs.clear();
    await this.stored();
  }

  redact(text: string): string {
    return this.#options.redactors().reduce((shown, redactor) => redactor.redact(shown), text);
  }

  #write(type: string, data: Readonly<Record<string, unknown>>): void {
    if (this.#failure !== null) return;
    this.#next().events.push(this.event(type, data));
    this.#begin();
  }

  #record(entries: readonly JournalEntry[], usage: TurnUsage | null): Promise<StoredRecord> {
    const stored = Promise.withResolvers<StoredRecord>();
    const next = this.#next();
    next.entries.push(...entries);
    next.usage = usage ?? next.usage;
    next.records.push(stored);
    this.#begin();
    return stored.promise;
  }

  /** What comes while a write is under way goes with the next one. */
  #next(): Write {
    this.#waiting ??= { events: [], entries: [], usage: null, records: [] };
    return this.#waiting;
  }

  #begin(): void {
    if (this.#writing !== null) return;
    if (this.#isSoon) {
      this.#timer ??= setTimeout(() => this.#begin(), SOON_MS);
      return;
    }
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#writing = this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    // An entry that belongs to what was just told may come with the next words of the caller.
    await Promise.resolve();
    for (let next = this.#waiting; next !== null; next = this.#waiting) {
      this.#waiting = null;
      try {
        // The order would be wrong after a hole: nothing more is written, and the turn hears of it.
        if (this.#failure !== null) throw this.#failure;
        await this.#store(next);
      } catch (error) {
        this.#failure ??= error;
        for (const record of next.records) record.reject(error);
      }
    }
    // At once: what comes in the next moment has to begin anew.
    this.#writing = null;
  }

  async #store({ events, entries, usage, records }: Write): Promise<void> {
    const { attempt } = this.#options;
    if (records.length === 0) return attempt.write((store, key) => store.tell(key, events));
    const said = await attempt.write((store, key) => store.record(key, entries, usage, events));
    for (const record of records) record.resolve(said);
  }
}
