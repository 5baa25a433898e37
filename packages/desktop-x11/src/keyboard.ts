import { SandboxError, throwIfAborted } from '@boxyard/sandbox-core';
import { keysymOfCharacter, keysymsOfChord } from './key-names.ts';
import { Keymap, type KeyPlace } from './keymap.ts';
import { LentKeys } from './lent-keys.ts';
import { inputOf } from './server-input.ts';
import type { X11Connection } from './x11-connection.ts';

/** After so many characters it is looked whether the server has followed, and whether anybody still wants the rest. */
const CHARACTERS_AT_ONCE = 32;

/** The keyboard of a display: what it holds down is known, so that it can be let go. */
export class Keyboard {
  readonly #lent = new LentKeys();
  /** Keycodes in the order in which they are let go, by the chord that holds them. */
  readonly #held = new Map<string, readonly number[]>();

  /** Whether some of its keys write other than they did before. */
  get lends(): boolean {
    return this.#lent.count > 0;
  }

  /** @throws SandboxError `invalid` for a character that no key can write, before any is written. */
  async type(connection: X11Connection, text: string, signal: AbortSignal): Promise<void> {
    const left = [...text].map(keysymOfCharacter);
    while (left.length > 0) {
      throwIfAborted(signal, 'Typing');
      const keymap = await this.#read(connection);
      const { count, lent } = this.#nextPiece(left, keymap);
      const known = await this.#lent.lend(connection, keymap, lent);
      for (const keysym of left.splice(0, count)) this.#tap(connection, known, placesOf(known, [keysym]));
      await connection.settle();
    }
  }

  /** Presses the keys of a chord and lets them go in one message, so that none is left down whatever happens. */
  async press(connection: X11Connection, chord: string): Promise<void> {
    const { keymap, places } = await this.#find(connection, chord);
    this.#tap(connection, keymap, places);
    await connection.settle();
  }

  async hold(connection: X11Connection, chord: string): Promise<void> {
    if (this.#held.has(chord)) return;
    const { keymap, places } = await this.#find(connection, chord);
    const keys = keycodesOf(keymap, places);
    this.#held.set(chord, keys.toReversed());
    const input = inputOf(connection);
    for (const keycode of keys) input.FakeInput(input.KeyPress, keycode, 0, 0, 0, 0);
    await connection.settle();
  }

  /** Lets go also of what somebody else holds. */
  async letGo(connection: X11Connection, chord: string): Promise<void> {
    const held = this.#held.get(chord);
    const { keymap, places } = await this.#find(connection, chord);
    this.#release(connection, held ?? keycodesOf(keymap, places).toReversed());
    this.#held.delete(chord);
    await connection.settle();
  }

  async letGoOfAll(connection: X11Connection): Promise<void> {
    if (this.#held.size === 0) return;
    for (const keys of this.#held.values()) this.#release(connection, keys);
    this.#held.clear();
    await connection.settle();
  }

  giveBack(connection: X11Connection): Promise<void> {
    return this.#lent.giveBack(connection);
  }

  async #read(connection: X11Connection): Promise<Keymap> {
    const keymap = await Keymap.read(connection);
    this.#lent.review(keymap);
    return keymap;
  }

  /** How many of the characters can be written at once, and which of them need a lent key. */
  #nextPiece(keysyms: readonly number[], keymap: Keymap): { count: number; lent: ReadonlySet<number> } {
    const room = this.#lent.room(keymap);
    const lent = new Set<number>();
    let count = 0;
    for (const keysym of keysyms.slice(0, CHARACTERS_AT_ONCE)) {
      if (this.#lent.concerns(keymap, keysym) && !lent.has(keysym)) {
        if (lent.size === room) break;
        lent.add(keysym);
      }
      count++;
    }
    if (count > 0) return { count, lent };
    throw new SandboxError('unsupported', 'Every key of the keyboard is in use. Type what is on its keys.', {
      started: 'no',
    });
  }

  async #find(connection: X11Connection, chord: string) {
    const keysyms = keysymsOfChord(chord);
    const keymap = await this.#read(connection);
    const lent = new Set(keysyms.filter((keysym) => this.#lent.concerns(keymap, keysym)));
    if (lent.size > this.#lent.room(keymap)) {
      throw new SandboxError(
        'unsupported',
        `The keyboard has no key for ${JSON.stringify(chord)}. Press another.`,
        {
          started: 'no',
        },
      );
    }
    const known = await this.#lent.lend(connection, keymap, lent);
    return { keymap: known, places: placesOf(known, keysyms) };
  }

  #tap(connection: X11Connection, keymap: Keymap, places: readonly KeyPlace[]): void {
    const input = inputOf(connection);
    const keys = keycodesOf(keymap, places);
    for (const keycode of keys) input.FakeInput(input.KeyPress, keycode, 0, 0, 0, 0);
    this.#release(connection, keys.toReversed());
  }

  #release(connection: X11Connection, keys: readonly number[]): void {
    const input = inputOf(connection);
    for (const keycode of keys) input.FakeInput(input.KeyRelease, keycode, 0, 0, 0, 0);
  }
}

/** @throws SandboxError when somebody changed the keyboard at this very moment. */
function placesOf(keymap: Keymap, keysyms: readonly number[]): readonly KeyPlace[] {
  return keysyms.map((keysym) => {
    const place = keymap.find(keysym);
    if (place !== null) return place;
    throw new SandboxError('conflict', 'The keyboard was changed while it was used. Try again.');
  });
}

function keycodesOf(keymap: Keymap, places: readonly KeyPlace[]): readonly number[] {
  const keys = places.map(({ keycode }) => keycode);
  const { shiftKey } = keymap;
  const shifted = places.some(({ shift }) => shift) && shiftKey !== null && !keys.includes(shiftKey);
  return shifted ? [shiftKey, ...keys] : keys;
}
