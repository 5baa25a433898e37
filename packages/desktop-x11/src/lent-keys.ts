// Keys that nobody uses, lent to characters that no key writes, as xdotool does. Programs look a key up when they come
// to its event, which may be later than it was pressed: so a loan lasts for a while, and a key that is lent again was
// left alone before.
import { setTimeout as sleep } from 'node:timers/promises';
import { Keymap } from './keymap.ts';
import type { X11Connection } from './x11-connection.ts';

/** What a program may need to come to an event, before its key is lent to another character. */
const LOOK_UP_MS = 150;
const NOTHING = 0;

export class LentKeys {
  /** Keycodes by what they write. */
  readonly #keycodes = new Map<number, number>();

  get count(): number {
    return this.#keycodes.size;
  }

  /** Whether it needs one, or has one already: all that a keyboard cannot write by itself. */
  concerns(keymap: Keymap, keysym: number): boolean {
    return this.#keycodes.has(keysym) || keymap.find(keysym) === null;
  }

  /** So many may have one at the same time. */
  room(keymap: Keymap): number {
    return keymap.spare().length + this.#keycodes.size;
  }

  /** What somebody else has mapped in the meantime is no loan any more, and not ours to give back. */
  review(keymap: Keymap): void {
    for (const [keysym, keycode] of this.#keycodes) {
      if (!keymap.writesOnly(keycode, keysym)) this.#keycodes.delete(keysym);
    }
  }

  /**
   * Lends a key to each that has none, and answers with the map as it is then.
   *
   * @param keysyms What this concerns; not more than there is room for.
   */
  async lend(connection: X11Connection, keymap: Keymap, keysyms: ReadonlySet<number>): Promise<Keymap> {
    const missing = [...keysyms].filter((keysym) => !this.#keycodes.has(keysym));
    if (missing.length === 0) return keymap;
    const spare = [...keymap.spare()];
    if (spare.length < missing.length) {
      await connection.settle();
      await sleep(LOOK_UP_MS);
      for (const [keysym, keycode] of this.#keycodes) {
        if (keysyms.has(keysym)) continue;
        this.#keycodes.delete(keysym);
        map(connection, keycode, NOTHING);
        spare.push(keycode);
      }
    }
    for (const [index, keysym] of missing.entries()) {
      const keycode = spare[index];
      if (keycode === undefined) break;
      map(connection, keycode, keysym);
      this.#keycodes.set(keysym, keycode);
    }
    return Keymap.read(connection);
  }

  /** Makes the keyboard as it was. */
  async giveBack(connection: X11Connection): Promise<void> {
    if (this.#keycodes.size === 0) return;
    this.review(await Keymap.read(connection));
    for (const keycode of this.#keycodes.values()) map(connection, keycode, NOTHING);
    this.#keycodes.clear();
    await connection.settle();
  }
}

/** Shifted and not: a letter alone would be taken for a pair of small and capital. */
function map({ client }: X11Connection, keycode: number, keysym: number): void {
  client.ChangeKeyboardMapping(keycode, 2, [keysym, keysym]);
}
