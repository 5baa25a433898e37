// Text that comes in pieces and is told in few events: a write for each piece would cost more than what made it.
import type { RedactionStream, Redactor } from '@boxyard/sandbox-core';

/** The first words are seen at once; the longer somebody reads along, the fewer writes it takes. */
const FIRST_GATHER_MS = 100;
const LONGEST_GATHER_MS = 1_000;
const GATHER_LENGTH = 16_384;

export interface ToldStreamOptions {
  /** Each hides what must not be seen; a secret may come in pieces. More may be added at the end at any time. */
  readonly redactors: () => readonly Redactor[];
  /** @param elided More came, or comes, that is not told. */
  readonly tell: (text: string, elided: boolean) => void;
  /** How many characters are told; without a bound when absent. */
  readonly mostLength?: number;
}

export class ToldStream {
  readonly #options: ToldStreamOptions;
  #text = '';
  #left: number;
  /** One for each redactor that there was so far; none of them goes. */
  #hiding: RedactionStream[] = [];
  #timer: NodeJS.Timeout | null = null;
  #gatherMs = FIRST_GATHER_MS;

  constructor(options: ToldStreamOptions) {
    this.#options = options;
    this.#left = options.mostLength ?? Number.POSITIVE_INFINITY;
  }

  push(piece: string): void {
    if (this.#left < 0) return;
    this.#text += piece;
    if (this.#text.length >= GATHER_LENGTH) this.#flush('goes on');
    else this.#timer ??= setTimeout(() => this.#flush('goes on'), this.#gatherMs);
  }

  /** What was held back is told; what is pushed from now on is another text. */
  end(): void {
    this.#flush('is over');
    this.#gatherMs = FIRST_GATHER_MS;
  }

  #flush(speech: 'goes on' | 'is over'): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    // What is held back now is never told: its secrets were not seen to their end.
    if (this.#left < 0) return;
    const redactors = this.#options.redactors();
    for (const redactor of redactors.slice(this.#hiding.length)) this.#hiding.push(redactor.stream());
    let text = this.#text;
    this.#text = '';
    for (const stream of this.#hiding) text = stream.write(text) + (speech === 'is over' ? stream.end() : '');
    if (speech === 'is over') this.#hiding = [];
    const elided = text.length > this.#left;
    const told = elided ? text.slice(0, this.#left) : text;
    if (told === '' && !elided) return;
    this.#left = elided ? -1 : this.#left - told.length;
    this.#gatherMs = Math.min(this.#gatherMs * 2, LONGEST_GATHER_MS);
    this.#options.tell(told, elided);
  }
}
