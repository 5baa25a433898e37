/**
 * Text that is read later, at most its last part. The notice about what is missing has the SDK's own form, which
 * it keeps when it cuts the rest.
 */
export class OutputTail {
  readonly #limit: number;
  readonly #parts: string[] = [];
  #length = 0;
  #dropped = 0;

  constructor(limitCharacters: number) {
    this.#limit = limitCharacters;
  }

  push(text: string): void {
    if (text === '') return;
    this.#parts.push(text);
    this.#length += text.length;
    // Twice the limit, so that a flood is joined now and then and not at every piece.
    if (this.#length > this.#limit * 2) this.#cut();
  }

  /** What `take` would answer, but for the notice. */
  peek(): string {
    if (this.#length > this.#limit) this.#cut();
    return this.#parts.join('');
  }

  /** What came since the last call. */
  take(): string {
    if (this.#length > this.#limit) this.#cut();
    const dropped = this.#dropped;
    const notice = dropped === 0 ? '' : `[...${dropped} characters truncated from process output...]\n`;
    const text = notice + this.#parts.join('');
    this.#parts.length = 0;
    this.#length = 0;
    this.#dropped = 0;
    return text;
  }

  #cut(): void {
    const text = this.#parts.join('');
    // Not within a pair of surrogates: half of one is no text.
    const from = /[\uDC00-\uDFFF]/.test(text.charAt(text.length - this.#limit))
      ? text.length - this.#limit + 1
      : text.length - this.#limit;
    this.#dropped += from;
    this.#parts.splice(0, this.#parts.length, text.slice(from));
    this.#length = text.length - from;
  }
}
