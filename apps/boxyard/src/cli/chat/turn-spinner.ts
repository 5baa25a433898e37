import ora, { type Ora } from 'ora';

/** Says what is waited for where a person looks; says nothing where the output goes to a file or a program. */
export class TurnSpinner {
  readonly #spinner: Ora | null;

  constructor(stream: NodeJS.WriteStream) {
    // The keyboard stays ours: what is typed is for the agent, and Ctrl-C for its turn.
    this.#spinner = stream.isTTY ? ora({ stream, discardStdin: false, color: 'cyan' }) : null;
  }

  start(text: string): void {
    this.#spinner?.start(text);
  }

  /** Leaves nothing behind. */
  stop(): void {
    this.#spinner?.stop();
  }
}
