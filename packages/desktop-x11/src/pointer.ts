import { SandboxError } from '@boxyard/sandbox-core';
import type { PointerButton, PointerPlace } from './pointer-place.ts';
import { screenSizeOf } from './screen-picture.ts';
import { inputOf } from './server-input.ts';
import type { X11Connection } from './x11-connection.ts';

const BUTTONS: Readonly<Record<PointerButton, number>> = { left: 1, middle: 2, right: 3 };
/** Wheels are buttons that are clicked, once for each notch. */
const WHEEL = { up: 4, down: 5, left: 6, right: 7 } as const;
const PIXELS_PER_NOTCH = 100;
/** More would scroll past everything in any program, and keep it busy. */
const MOST_NOTCHES = 15;
const ABSOLUTE = 0;

/** The pointer of a display: which of its buttons it holds down is known, so that they can be let go. */
export class Pointer {
  readonly #held = new Set<PointerButton>();

  async move(connection: X11Connection, place: PointerPlace): Promise<void> {
    await this.#at(connection, place, () => undefined);
  }

  async click(
    connection: X11Connection,
    place: PointerPlace,
    button: PointerButton,
    times: number,
  ): Promise<void> {
    await this.#at(connection, place, () => click(connection, BUTTONS[button], times));
  }

  async hold(connection: X11Connection, place: PointerPlace, button: PointerButton): Promise<void> {
    await this.#at(connection, place, () => {
      this.#held.add(button);
      const input = inputOf(connection);
      input.FakeInput(input.ButtonPress, BUTTONS[button], 0, 0, 0, 0);
    });
  }

  async letGo(connection: X11Connection, place: PointerPlace, button: PointerButton): Promise<void> {
    await this.#at(connection, place, () => release(connection, button));
    this.#held.delete(button);
  }

  /** Positive is right and down; a notch of the wheel for every 100 pixels, one at least. */
  async scroll(
    connection: X11Connection,
    place: PointerPlace,
    deltaX: number,
    deltaY: number,
  ): Promise<void> {
    await this.#at(connection, place, () => {
      click(connection, deltaX < 0 ? WHEEL.left : WHEEL.right, notches(deltaX));
      click(connection, deltaY < 0 ? WHEEL.up : WHEEL.down, notches(deltaY));
    });
  }

  async letGoOfAll(connection: X11Connection): Promise<void> {
    if (this.#held.size === 0) return;
    for (const button of this.#held) release(connection, button);
    this.#held.clear();
    await connection.settle();
  }

  async #at(connection: X11Connection, { x, y }: PointerPlace, act: () => void): Promise<void> {
    const input = inputOf(connection);
    const { width, height } = await screenSizeOf(connection);
    const inside = Number.isInteger(x) && Number.isInteger(y) && x >= 0 && y >= 0 && x < width && y < height;
    if (!inside) {
      throw new SandboxError(
        'invalid',
        `${x}, ${y} is not on the screen, which has ${width} × ${height} pixels. Look at it again.`,
        { started: 'no' },
      );
    }
    input.FakeInput(input.MotionNotify, ABSOLUTE, 0, connection.screen.root, x, y);
    act();
    await connection.settle();
  }
}

function click(connection: X11Connection, button: number, times: number): void {
  const input = inputOf(connection);
  for (let left = times; left > 0; left--) {
    input.FakeInput(input.ButtonPress, button, 0, 0, 0, 0);
    input.FakeInput(input.ButtonRelease, button, 0, 0, 0, 0);
  }
}

function release(connection: X11Connection, button: PointerButton): void {
  const input = inputOf(connection);
  input.FakeInput(input.ButtonRelease, BUTTONS[button], 0, 0, 0, 0);
}

function notches(delta: number): number {
  if (delta === 0) return 0;
  return Math.min(MOST_NOTCHES, Math.max(1, Math.round(Math.abs(delta) / PIXELS_PER_NOTCH)));
}
