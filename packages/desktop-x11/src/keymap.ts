// Which key writes what, as the X server has it at this moment.
import type { X11Connection } from './x11-connection.ts';

const SHIFT_MASK = 1;
const LOCK_MASK = 2;
/** Where the state of the keyboard names the layout that is chosen. */
const GROUP_SHIFT = 13;
const GROUP_BITS = 3;
const SHIFT_L = 0xffe1;

export interface KeyPlace {
  readonly keycode: number;
  /** Whether Shift has to be held for it, and is not held by anybody. */
  readonly shift: boolean;
}

export class Keymap {
  readonly #rows: readonly (readonly number[])[];
  readonly #first: number;
  readonly #keyMask: number;

  private constructor(first: number, rows: readonly (readonly number[])[], keyMask: number) {
    this.#first = first;
    this.#rows = rows;
    this.#keyMask = keyMask;
  }

  static async read(connection: X11Connection): Promise<Keymap> {
    const { client, display, screen } = connection;
    const { min_keycode: first, max_keycode: last } = display;
    const [rows, pointer] = await Promise.all([
      connection.request<readonly (readonly number[])[]>((answer) =>
        client.GetKeyboardMapping(first, last - first + 1, answer),
      ),
      connection.request<{ readonly keyMask: number }>((answer) => client.QueryPointer(screen.root, answer)),
    ]);
    return new Keymap(first, rows, pointer.keyMask);
  }

  /** Null where no key writes it in the layout that is chosen now. */
  find(keysym: number): KeyPlace | null {
    for (const level of [0, 1]) {
      for (const [index, row] of this.#rows.entries()) {
        const pair = this.#pairOf(row);
        if (pair[level] !== keysym) continue;
        return { keycode: this.#first + index, shift: this.#needsShift(pair, level) };
      }
    }
    return null;
  }

  get shiftKey(): number | null {
    return this.find(SHIFT_L)?.keycode ?? null;
  }

  /** Whether the key writes this, shifted or not. */
  writesOnly(keycode: number, keysym: number): boolean {
    const row = this.#rows[keycode - this.#first] ?? [];
    return row[0] === keysym && row[1] === keysym;
  }

  /** Keys that write nothing. */
  spare(): readonly number[] {
    return [...this.#rows.entries()]
      .filter(([, row]) => row.every((keysym) => keysym === 0))
      .map(([index]) => this.#first + index)
      .reverse();
  }

  #pairOf(row: readonly number[]): readonly number[] {
    const group = (this.#keyMask >> GROUP_SHIFT) & GROUP_BITS;
    const [first = 0, shifted = 0, other = 0, otherShifted = 0] = row;
    const own = group > 0 && (other !== 0 || otherShifted !== 0) ? [other, otherShifted] : [first, shifted];
    // The map tells of two layouts. In a third one only those keys are certain that are the same in each.
    const known = group < 2 || first === shifted || first > 0xff00;
    return known ? own : [0, 0];
  }

  /** Caps Lock turns the case of letters round. */
  #needsShift(pair: readonly number[], level: number): boolean {
    const [plain = 0, shifted = 0] = pair;
    if (plain === shifted || this.#keyMask & SHIFT_MASK) return false;
    const turned = (this.#keyMask & LOCK_MASK) !== 0 && isLetterPair(plain, shifted);
    return turned ? level === 0 : level === 1;
  }
}

function isLetterPair(plain: number, shifted: number): boolean {
  const [lower, upper] = [characterOf(plain), characterOf(shifted)];
  return lower !== null && upper !== null && lower !== upper && lower.toUpperCase() === upper;
}

/** Null for a key that writes nothing, and for letters whose keysyms are older than Unicode. */
function characterOf(keysym: number): string | null {
  if (keysym < 0x100) return String.fromCodePoint(keysym);
  return keysym > 0x0100_0100 && keysym <= 0x0110_ffff ? String.fromCodePoint(keysym - 0x0100_0000) : null;
}
