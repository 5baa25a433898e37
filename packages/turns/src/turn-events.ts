// What a turn tells. Stored first, then published by the log; deltas of text are gathered, because a write for each
// of them would cost more than the model does.
import type { NewEvent, RedactionStream, Redactor } from '@boxyard/sandbox-core';
import type { TurnAttempt } from './turn-attempt.ts';

/** The first words are seen at once; the longer somebody reads along, the fewer writes it takes. */
const FIRST_GATHER_MS = 100;
const LONGEST_GATHER_MS = 1_000;
const GATHER_LENGTH = 16_384;
/** What a tool said is told in full to the model; people see this much of it here. */
const MOST_OUTPUT_LENGTH = 32_768;

export interface TurnEventsOptions {
  readonly attempt: TurnAttempt;
  /** Each hides what must not be seen; more may come while the turn runs. */
  readonly redactors: () => readonly Redactor[];
}

export class TurnEvents {
  readonly #options: TurnEventsOptions;
  #text = '';
  /** Of the text that is being told: a secret may come in pieces. */
  #hiding: readonly RedactionStream[] | null = null;
  #timer: NodeJS.Timeout | null = null;
  #gatherMs = FIRST_GATHER_MS;
  #writing: Promise<void> = Promise.resolve();
  #failure: unknown = null;

  constructor(options: TurnEventsOptions) {
    this.#options = options;
  }

  text(delta: string): void {
    this.#text += delta;
    if (this.#text.length >= GATHER_LENGTH) this.#writeText('goes on');
    else this.#timer ??= setTimeout(() => this.#writeText('goes on'), this.#gatherMs);
  }

  /** Behind all text that came before. */
  tell(type: string, data: Readonly<Record<string, unknown>>): void {
    this.#writeText('is over');
    this.#gatherMs = FIRST_GATHER_MS;
    this.#write([this.event(type, data)]);
  }

  callStarted(callId: string, tool: string, given: string): void {
    this.tell('tool.call.started', { callId, tool, arguments: this.redact(given) });
  }

  callCompleted(callId: string, tool: string, output: string): void {
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

  /** Resolves when everything that was told is stored. @throws what the log threw. */
  async flush(): Promise<void> {
    this.#writeText('is over');
    await this.#writing;
    if (this.#failure !== null) throw this.#failure;
  }

  redact(text: string): string {
    return this.#options.redactors().reduce((shown, redactor) => redactor.redact(shown), text);
  }

  #writeText(speech: 'goes on' | 'is over'): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#hiding ??= this.#options.redactors().map((redactor) => redactor.stream());
    let text = this.#text;
    this.#text = '';
    for (const stream of this.#hiding) text = stream.write(text) + (speech === 'is over' ? stream.end() : '');
    if (speech === 'is over') this.#hiding = null;
    if (text === '') return;
    this.#gatherMs = Math.min(this.#gatherMs * 2, LONGEST_GATHER_MS);
    this.#write([this.event('model.text.delta', { text })]);
  }

  #write(events: readonly NewEvent[]): void {
    this.#writing = this.#writing.then(async () => {
      if (this.#failure !== null) return;
      try {
        await this.#options.attempt.write((store, key) => store.tell(key, events));
      } catch (error) {
        // The order would be wrong after a hole: nothing more is written, and the turn hears of it.
        this.#failure = error;
      }
    });
  }
}
