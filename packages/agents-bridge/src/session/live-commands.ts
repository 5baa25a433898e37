import type { LiveCommand } from './live-command.ts';

/** As many as the SDK's remote sessions allow: what nobody polls is forgotten sooner than it is ended. */
export const MOST_LIVE_COMMANDS = 64;

/**
 * The only table of the numbers by which the model knows running commands. A number is never given twice in a
 * session, and its command stays with the box that made it.
 */
export class LiveCommands {
  readonly #commands = new Map<number, LiveCommand>();
  readonly #turns = new WeakMap<LiveCommand, Promise<unknown>>();
  #next: number;

  /** @param next Higher than 1 when the session goes on from a stored one, whose numbers must not come again. */
  constructor(next: number) {
    this.#next = next;
  }

  get next(): number {
    return this.#next;
  }

  get isFull(): boolean {
    return this.#commands.size >= MOST_LIVE_COMMANDS;
  }

  add(command: LiveCommand): number {
    const id = this.#next++;
    this.#commands.set(id, command);
    return id;
  }

  get(id: number): LiveCommand | undefined {
    return this.#commands.get(id);
  }

  remove(id: number): void {
    this.#commands.delete(id);
  }

  entries(): readonly (readonly [number, LiveCommand])[] {
    return [...this.#commands];
  }

  /** Two looks at one command at the same time would tear its output. */
  inTurn<T>(command: LiveCommand, look: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(command) ?? Promise.resolve()).then(look, look);
    this.#turns.set(
      command,
      turn.catch(() => undefined),
    );
    return turn;
  }
}
