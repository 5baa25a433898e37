import {
  available,
  bounded,
  type CallOptions,
  type Capability,
  SandboxError,
  throwIfAborted,
  unavailable,
} from '@boxyard/sandbox-core';
import { type DisplayName, parseDisplayName } from './display-name.ts';
import { Keyboard } from './keyboard.ts';
import { pixelFormatOf } from './pixel-format.ts';
import { Pointer } from './pointer.ts';
import type { PointerButton, PointerPlace } from './pointer-place.ts';
import { screenSizeOf, takeScreenshot } from './screen-picture.ts';
import type { Screenshot } from './screenshot.ts';
import { X11Connection } from './x11-connection.ts';

/** A server that says nothing for so long will not. */
const ANSWER_MS = 10_000;
/** How long a character that is on no key keeps the one that it was lent. */
const LOAN_MS = 3000;
/** More is no typing. */
const LONGEST_TEXT = 10_000;

export interface X11DesktopOptions {
  /** Of this machine, as DISPLAY names it: `:0`. */
  readonly display: string;
  /** Where the display's cookie is; XAUTHORITY names it, or it is `.Xauthority` in the home folder. */
  readonly authorityFile: string;
  /** How long one answer of the X server may take, in ms; then the connection to it is given up. 10 000 when absent. */
  readonly answerMs?: number | undefined;
  /** How long a character that is on no key keeps the one that it was lent, in ms. 3 000 when absent. */
  readonly loanMs?: number | undefined;
}

export interface X11Screen {
  /** As it was named. */
  readonly display: string;
  readonly width: number;
  readonly height: number;
  /** False for a server that takes no pointer and keys from programs. */
  readonly takesInput: boolean;
}

export interface ScreenshotOptions extends CallOptions {
  /** What the PNG may take; the picture is made smaller until it does. Any size when absent. */
  readonly maxBytes?: number | undefined;
}

/**
 * The screen of a machine as its X server has it. Nothing is connected before it is used; a server that ends and comes
 * back is found again by the next call.
 *
 * Calls throw SandboxError: `unsupported` when the display cannot be opened or lacks something, `invalid` for a place
 * or a key that is none, `unreachable` when the server is lost while it is looked at, and `outcome-unknown` when it is
 * lost in the middle of input. Input is done in the order in which it was asked for.
 */
export class X11Desktop implements AsyncDisposable {
  readonly #display: DisplayName | SandboxError;
  readonly #options: X11DesktopOptions;
  readonly #answerMs: number;
  readonly #keyboard = new Keyboard();
  readonly #pointer = new Pointer();
  #connection: Promise<X11Connection> | null = null;
  #opening: Promise<X11Connection> | null = null;
  #inputs: Promise<unknown> = Promise.resolve();
  #pictures: Promise<unknown> = Promise.resolve();
  #loan: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: X11DesktopOptions) {
    this.#options = options;
    this.#answerMs = options.answerMs ?? ANSWER_MS;
    this.#display = nameOrWhy(options.display);
  }

  /** Whether the screen can be seen now, and its size; else the reason. @throws SandboxError `cancelled`, `closed` */
  look(options?: CallOptions): Promise<Capability<X11Screen>> {
    return bounded(options, 'Looking for the screen', async () => {
      try {
        const connection = await this.#open();
        pixelFormatOf(connection.display, connection.screen);
        const { width, height } = await screenSizeOf(connection);
        const { display } = this.#options;
        return available({ display, width, height, takesInput: connection.input !== null });
      } catch (error) {
        if (SandboxError.hasCode(error, 'closed')) throw error;
        return unavailable(error instanceof Error ? error.message : String(error));
      }
    });
  }

  /** The whole screen without the pointer, as PNG. */
  screenshot({
    maxBytes = Number.POSITIVE_INFINITY,
    ...options
  }: ScreenshotOptions = {}): Promise<Screenshot> {
    const what = 'Taking a picture of the screen';
    return bounded(options, what, (signal) => {
      // One at a time: each takes memory.
      const taken = this.#pictures.then(async () => {
        throwIfAborted(signal, what);
        return takeScreenshot(await this.#open(), maxBytes, signal);
      });
      this.#pictures = taken.catch(() => undefined);
      return taken.catch((error: unknown) => {
        throw told(error, what, false);
      });
    });
  }

  movePointer(place: PointerPlace, options?: CallOptions): Promise<void> {
    return this.#input(options, 'Moving the pointer', (connection) => this.#pointer.move(connection, place));
  }

  /** @param click 2 `times` is a double click. */
  click(
    place: PointerPlace,
    { button = 'left', times = 1 }: { readonly button?: PointerButton; readonly times?: 1 | 2 | 3 } = {},
    options?: CallOptions,
  ): Promise<void> {
    return this.#input(options, 'Clicking', (connection) =>
      this.#pointer.click(connection, place, button, times),
    );
  }

  /** Presses a button and keeps it down: what follows drags, until `releaseButton` or `close`. */
  holdButton(place: PointerPlace, button: PointerButton = 'left', options?: CallOptions): Promise<void> {
    return this.#input(options, 'Pressing a button', (connection) =>
      this.#pointer.hold(connection, place, button),
    );
  }

  releaseButton(place: PointerPlace, button: PointerButton = 'left', options?: CallOptions): Promise<void> {
    return this.#input(options, 'Releasing a button', (connection) =>
      this.#pointer.letGo(connection, place, button),
    );
  }

  /** In pixels, positive is right and down: a notch of the wheel for every 100, at least one and at most 15. */
  scroll(
    place: PointerPlace,
    { deltaX = 0, deltaY = 0 }: { readonly deltaX?: number; readonly deltaY?: number },
    options?: CallOptions,
  ): Promise<void> {
    return this.#input(options, 'Scrolling', (connection) =>
      this.#pointer.scroll(connection, place, deltaX, deltaY),
    );
  }

  /** Presses and releases keys together: `Enter`, `a`, `ctrl+shift+t`. */
  pressKeys(chord: string, options?: CallOptions): Promise<void> {
    return this.#input(options, 'Pressing keys', (connection) => this.#keyboard.press(connection, chord));
  }

  /** Presses keys and keeps them down, until `releaseKeys` with the same name or `close`. */
  holdKeys(chord: string, options?: CallOptions): Promise<void> {
    return this.#input(options, 'Pressing keys', (connection) => this.#keyboard.hold(connection, chord));
  }

  releaseKeys(chord: string, options?: CallOptions): Promise<void> {
    return this.#input(options, 'Releasing keys', (connection) => this.#keyboard.letGo(connection, chord));
  }

  /** Types up to 10 000 characters, whether or not the keyboard has keys for them; a line break is Enter. */
  type(text: string, options?: CallOptions): Promise<void> {
    if (text.length > LONGEST_TEXT) {
      const error = `Typing ${text.length} characters: at most ${LONGEST_TEXT} are typed at once. Type it in pieces.`;
      return Promise.reject(new SandboxError('too-large', error, { started: 'no' }));
    }
    return this.#input(options, 'Typing', (connection, signal) =>
      this.#keyboard.type(connection, text, signal),
    );
  }

  /** Lets go of what it holds down, gives the keys back that it lent, and leaves the server. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#loan);
    await this.#inputs;
    const connection = await this.#connection?.catch(() => null);
    if (connection == null) return;
    await this.#undo(connection).catch(() => undefined);
    connection.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #input(
    options: CallOptions | undefined,
    what: string,
    act: (connection: X11Connection, signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    return bounded(options, what, (signal) => {
      const done = this.#inputs.then(async () => {
        throwIfAborted(signal, what);
        const connection = await this.#open();
        await act(connection, signal);
      });
      this.#inputs = done.catch(() => undefined).then(() => this.#awaitReturn());
      return done.catch((error: unknown) => {
        throw told(error, what, true);
      });
    });
  }

  /** The keys go back once nobody has typed for a while. */
  #awaitReturn(): void {
    clearTimeout(this.#loan);
    if (this.#closed || !this.#keyboard.lends) return;
    this.#loan = setTimeout(() => {
      this.#inputs = this.#inputs.then(async () => {
        const connection = await this.#connection?.catch(() => null);
        if (connection != null && !connection.lost) await this.#keyboard.giveBack(connection);
      });
      this.#inputs = this.#inputs.catch(() => undefined);
    }, this.#options.loanMs ?? LOAN_MS);
    this.#loan.unref();
  }

  async #undo(connection: X11Connection): Promise<void> {
    if (connection.lost) return;
    await this.#pointer.letGoOfAll(connection);
    await this.#keyboard.letGoOfAll(connection);
    await this.#keyboard.giveBack(connection);
  }

  async #open(): Promise<X11Connection> {
    if (this.#closed) {
      throw new SandboxError('closed', 'The screen was let go of; open it again.', { started: 'no' });
    }
    const current = await this.#connection?.catch(() => null);
    if (current != null && !current.lost) return current;
    // Another call may have begun to open it meanwhile.
    this.#connection = this.#opening ??= this.#connect().finally(() => {
      this.#opening = null;
    });
    return this.#connection;
  }

  async #connect(): Promise<X11Connection> {
    const display = this.#display;
    if (display instanceof Error) throw display;
    const { authorityFile } = this.#options;
    const connection = await X11Connection.open({ display, authorityFile, answerMs: this.#answerMs });
    // What was held when the last connection was lost is held still.
    await this.#pointer.letGoOfAll(connection);
    await this.#keyboard.letGoOfAll(connection);
    return connection;
  }
}

function nameOrWhy(display: string): DisplayName | SandboxError {
  try {
    return parseDisplayName(display);
  } catch (error) {
    if (SandboxError.isInstance(error)) return error;
    throw error;
  }
}

/** Whoever acts must know when nobody knows whether it was done. */
function told(error: unknown, what: string, acts: boolean): unknown {
  if (SandboxError.isInstance(error)) {
    if (!acts || error.code !== 'unreachable') return error;
    return new SandboxError('outcome-unknown', `${what}: ${error.message}`, { cause: error });
  }
  const why = error instanceof Error ? error.message : String(error);
  return new SandboxError(
    acts ? 'outcome-unknown' : 'unreachable',
    `${what}: the X server refused it: ${why}. Look at the screen, and try again.`,
    { cause: error },
  );
}
