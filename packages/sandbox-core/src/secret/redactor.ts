import { PatternAutomaton } from './pattern-automaton.ts';
import { secretForms } from './secret-forms.ts';

/** What stands where a secret stood. */
export const REDACTED = '[redacted]';

/** Text that comes in pieces. */
export interface RedactionStream {
  /**
   * What of the text so far is certain. The end of a piece that may be the beginning of a secret comes with the
   * next piece, or with `end`.
   */
  write(text: string): string;
  /** What was held back. The stream may be written to again, as if it were new. */
  end(): string;
}

/** Takes secrets out of text before it is stored, logged or shown. */
export interface Redactor {
  redact(text: string): string;
  stream(): RedactionStream;
}

/**
 * @param secrets Values to hide, also in their base64, percent and JSON spellings. Those shorter than
 * `MIN_SECRET_LENGTH` are left in place.
 */
export function createRedactor(secrets: Iterable<string>): Redactor {
  const forms = [...secrets].flatMap(secretForms);
  if (forms.length === 0) return NOTHING_TO_HIDE;
  const automaton = new PatternAutomaton(forms);
  return {
    stream: () => new AutomatonStream(automaton),
    redact(text) {
      const stream = new AutomatonStream(automaton);
      return stream.write(text) + stream.end();
    },
  };
}

const NOTHING_TO_HIDE: Redactor = {
  redact: (text) => text,
  stream: () => ({ write: (text) => text, end: () => '' }),
};

/** A stretch of text that a secret covers: from `start` up to, not including, `end`. */
type Stretch = readonly [start: number, end: number];

class AutomatonStream implements RedactionStream {
  readonly #automaton: PatternAutomaton;
  #state = 0;
  /** Text that may be the beginning of a secret. */
  #held = '';
  /** What is covered of the held text: disjoint and in order. */
  #covered: Stretch[] = [];
  /** Whether the last unit given out was covered, so that one secret leaves one mark over any number of pieces. */
  #marked = false;

  constructor(automaton: PatternAutomaton) {
    this.#automaton = automaton;
  }

  write(text: string): string {
    const buffer = this.#held + text;
    for (let index = this.#held.length; index < buffer.length; index += 1) {
      this.#state = this.#automaton.next(this.#state, buffer.charCodeAt(index));
      const length = this.#automaton.matchedLength(this.#state);
      if (length > 0) cover(this.#covered, index + 1 - length, index + 1);
    }
    return this.#give(buffer, buffer.length - this.#automaton.pendingLength(this.#state));
  }

  end(): string {
    const out = this.#give(this.#held, this.#held.length);
    this.#state = 0;
    this.#marked = false;
    return out;
  }

  /** Answers the first `certain` units and holds the rest. */
  #give(buffer: string, certain: number): string {
    let out = '';
    let position = 0;
    for (const [start, end] of this.#covered) {
      if (start >= certain) break;
      if (start > position) out += buffer.slice(position, start);
      if (start > position || !this.#marked) out += REDACTED;
      this.#marked = true;
      position = Math.min(end, certain);
    }
    if (certain > position) {
      out += buffer.slice(position, certain);
      this.#marked = false;
    }
    this.#held = buffer.slice(certain);
    this.#covered = this.#covered
      .filter(([, end]) => end > certain)
      .map(([start, end]) => [Math.max(0, start - certain), end - certain]);
    return out;
  }
}

/** Adds a stretch to disjoint ones in order; a later match may reach back over several of them. */
function cover(covered: Stretch[], start: number, end: number): void {
  let from = start;
  while (covered.length > 0 && covered.at(-1)![1] >= from) from = Math.min(from, covered.pop()![0]);
  covered.push([from, end]);
}
