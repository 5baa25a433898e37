// What a turn tells: stored first, then published by the log.
import type { JournalEntry, NewEvent, Redactor, TurnUsage } from '@boxyard/sandbox-core';
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

/** Events that are stored in one step, and the entries of the journal that they are stored with. */
interface Write {
  readonly events: NewEvent[];
  readonly record: {
    readonly entries: readonly JournalEntry[];
    readonly usage: TurnUsage | null;
    readonly stored: (signals: { readonly hasMessages: boolean }) => void;
    readonly failed: (error: unknown) => void;
  } | null;
}

export class TurnEvents {
  readonly #options: TurnEventsOptions;
  readonly #text: ToldStream;
  readonly #outputs = new Map<string, ToldStream>();
  /** Which answer of the model is being told. */
  #answer = 1;
  /** The last answer of which something was told that counts. */
  #told: number | null = null;
  #waiting: Write[] = [];
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

  usage(usage: TurnUsage): void {
    this.tell('turn.usage', { usage });
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
   * Writes entries in one step with what was told right before, and behind everything told earlier.
   *
   * @throws what the log threw, also at an earlier write.
   */
  record(
    entries: readonly JournalEntry[],
    usage: TurnUsage | null = null,
  ): Promise<{ readonly hasMessages: boolean }> {
    return new Promise((stored, failed) => {
      const last = this.#waiting.at(-1);
      const events = last?.record === null ? last.events : [];
      if (last?.record === null) this.#waiting.pop();
      this.#waiting.push({ events, record: { entries, usage, stored, failed } });
      this.#begin();
    });
  }

  /** Resolves when everything that was told is stored. @throws what the log threw. */
  async flush(): Promise<void> {
    this.#text.end();
    for (const output of this.#outputs.values()) output.end();
    this.#outputs.clear();
    while (this.#writing !== null) await this.#writing;
    if (this.#failure !== null) throw this.#failure;
  }

  redact(text: string): string {
    return this.#options.redactors().reduce((shown, redactor) => redactor.redact(shown), text);
  }

  #write(type: string, data: Readonly<Record<string, unknown>>): void {
    if (this.#failure !== null) return;
    // What comes while a write is under way goes with the next one.
    const last = this.#waiting.at(-1);
    if (last?.record === null) last.events.push(this.event(type, data));
    else this.#waiting.push({ events: [this.event(type, data)], record: null });
    this.#begin();
  }

  #begin(): void {
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    // An entry that belongs to what was just told may come with the next words of the caller.
    await Promise.resolve();
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      try {
        // The order would be wrong after a hole: nothing more is written, and the turn hears of it.
        if (this.#failure !== null) throw this.#failure;
        await this.#store(next);
      } catch (error) {
        this.#failure ??= error;
        next.record?.failed(error);
      }
    }
    // At once: what comes in the next moment has to begin anew.
    this.#writing = null;
  }

  async #store({ events, record }: Write): Promise<void> {
    const { attempt } = this.#options;
    if (record === null) return attempt.write((store, key) => store.tell(key, events));
    const { entries, usage, stored } = record;
    stored(await attempt.write((store, key) => store.record(key, entries, usage, events)));
  }
}
