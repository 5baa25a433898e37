import { createInterface } from 'node:readline';

export interface Question {
  readonly prompt: string;
  /** Takes the question back; its answer is null then. */
  readonly signal?: AbortSignal;
  /** Ctrl-C at the question. Absent: the same as having nothing to say. */
  readonly onInterrupt?: () => void;
}

/** A person who types at a terminal: asked a question at a time, and heard while nothing is asked. */
export class Keyboard {
  readonly #input: NodeJS.ReadStream;
  readonly #output: NodeJS.WriteStream;
  /** What was said before, for the arrow keys. */
  #history: string[] = [];
  #ended = false;

  constructor(input: NodeJS.ReadStream, output: NodeJS.WriteStream) {
    this.#input = input;
    this.#output = output;
    input.once('end', () => {
      this.#ended = true;
    });
  }

  /** The line that was typed; null after Ctrl-D, or when the question was taken back. */
  ask({ prompt, signal, onInterrupt }: Question): Promise<string | null> {
    if (this.#ended || signal?.aborted) return Promise.resolve(null);
    return new Promise((resolve) => {
      const lines = createInterface({
        input: this.#input,
        output: this.#output,
        terminal: true,
        history: this.#history,
      });
      const leave = () => lines.close();
      let answer: string | null = null;
      lines.once('line', (line) => {
        answer = line;
        lines.close();
      });
      lines.on('history', (history) => {
        this.#history = history;
      });
      lines.on('SIGINT', () => (onInterrupt ? onInterrupt() : lines.close()));
      lines.once('close', () => {
        signal?.removeEventListener('abort', leave);
        // The next thing to be shown begins in a line of its own.
        if (answer === null) this.#output.write('\n');
        resolve(answer);
      });
      signal?.addEventListener('abort', leave, { once: true });
      lines.setPrompt(prompt);
      lines.prompt();
    });
  }

  /** Hears whole lines, without taking Ctrl-C from the process, until the answered function is called. */
  hear(onLine: (line: string) => void): () => void {
    if (this.#ended) return () => undefined;
    const lines = createInterface({ input: this.#input, terminal: false });
    lines.on('line', onLine);
    return () => {
      lines.off('line', onLine);
      lines.close();
    };
  }
}
