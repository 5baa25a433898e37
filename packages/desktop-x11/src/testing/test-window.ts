/// <reference path="../x11-library.d.ts" />
// A window of a known colour that knows what was done to it: what an X server draws and delivers, asked of the server
// itself and not of whoever drives it.
import x11, { type RandR, type ScreenResources, type WindowEvent } from 'x11';
import { parseDisplayName } from '../display-name.ts';
import { X11Connection } from '../x11-connection.ts';

const ANSWER_MS = 30_000;
const INPUT_OUTPUT = 1;
const REVERT_TO_PARENT = 2;
const NO_MODE = 0;
const UPRIGHT = 1;
const SHIFT_MASK = 1;
const LOCK_MASK = 2;
const ENTER = 0xff0d;
const UNICODE_KEYSYMS = 0x0100_0000;

export interface TestWindowOptions {
  readonly display: string;
  readonly authorityFile: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** A number as the pixels of the screen are: 0xRRGGBB with 24 bits of colour. */
  readonly color: number;
}

/** What was done, in pixels of the screen. */
export type WindowInput =
  | { readonly kind: 'key-down' | 'key-up'; readonly keysym: number }
  | {
      readonly kind: 'button-down' | 'button-up';
      readonly button: number;
      readonly x: number;
      readonly y: number;
    }
  | { readonly kind: 'move'; readonly x: number; readonly y: number };

export interface TestWindow extends AsyncDisposable {
  readonly inputs: readonly WindowInput[];
  /** What the keys that were pressed have written. */
  typed(): string;
  /** The whole keyboard: what each key writes. */
  keymap(): Promise<readonly (readonly number[])[]>;
  /** Gives the screen another size, not larger than it began with. */
  resizeScreen(width: number, height: number): Promise<void>;
}

/** Resolves once the window is drawn and gets what is typed. */
export async function openTestWindow(options: TestWindowOptions): Promise<TestWindow> {
  const { display, authorityFile, x, y, width, height, color } = options;
  const connection = await X11Connection.open({
    display: parseDisplayName(display),
    authorityFile,
    answerMs: ANSWER_MS,
  });
  const { client, screen } = connection;
  const { min_keycode: first, max_keycode: last } = connection.display;
  const keymap = () =>
    connection.request<readonly (readonly number[])[]>((answer) =>
      client.GetKeyboardMapping(first, last - first + 1, answer),
    );
  const inputs: WindowInput[] = [];
  let rows = await keymap();
  const seen = new Map<string, () => void>();
  const see = (name: string) => new Promise<void>((resolve) => seen.set(name, resolve));

  const take = async (event: WindowEvent) => {
    seen.get(event.name)?.();
    if (event.name === 'MappingNotify') rows = await keymap();
    const input = inputOf(event, (code) => rows[code - first] ?? []);
    if (input !== null) inputs.push(input);
  };
  // One after the other, as programs do: what a key writes is looked up when its turn comes.
  let turn: Promise<unknown> = Promise.resolve();
  client.on('event', (event) => {
    turn = turn.then(() => take(event)).catch(() => undefined);
  });

  const id = client.AllocID();
  const mask = x11.eventMask;
  const listened = ['KeyPress', 'KeyRelease', 'ButtonPress', 'ButtonRelease', 'PointerMotion', 'Exposure'];
  const eventMask = [...listened, 'FocusChange'].reduce((all, name) => all | (mask[name] ?? 0), 0);
  client.CreateWindow(id, screen.root, x, y, width, height, 0, 0, INPUT_OUTPUT, 0, {
    backgroundPixel: color,
    // No window manager gives it another place.
    overrideRedirect: 1,
    eventMask,
  });
  const drawn = see('Expose');
  client.MapWindow(id);
  await drawn;
  const focused = see('FocusIn');
  client.SetInputFocus(id, REVERT_TO_PARENT);
  await focused;
  await connection.settle();

  return {
    inputs,
    typed: () => inputs.map((input) => (input.kind === 'key-down' ? characterOf(input.keysym) : '')).join(''),
    keymap,
    async resizeScreen(toWidth, toHeight) {
      const randr = await connection.request<RandR>((answer) => client.require('randr', answer));
      const {
        timestamp,
        config_timestamp: configured,
        crtcs,
      } = await connection.request<ScreenResources>((answer) =>
        randr.GetScreenResources(screen.root, answer),
      );
      // A monitor would hold the screen at its own size.
      for (const crtc of crtcs) {
        await connection.request((answer) =>
          randr.SetCrtcConfig(crtc, timestamp, configured, 0, 0, NO_MODE, UPRIGHT, [], answer),
        );
      }
      randr.SetScreenSize(screen.root, toWidth, toHeight, toWidth, toHeight);
      await connection.settle();
    },
    async [Symbol.asyncDispose]() {
      connection.close();
      await turn;
    },
  };
}

function inputOf(event: WindowEvent, rowOf: (keycode: number) => readonly number[]): WindowInput | null {
  const { name, keycode, rootx: x, rooty: y, buttons } = event;
  const keysym = () => {
    const [plain = 0, shifted = 0] = rowOf(keycode);
    const letter = characterOf(plain).toUpperCase() !== characterOf(plain);
    const shift = (buttons & SHIFT_MASK) !== 0;
    return (buttons & LOCK_MASK && letter ? !shift : shift) && shifted !== 0 ? shifted : plain;
  };
  switch (name) {
    case 'KeyPress':
      return { kind: 'key-down', keysym: keysym() };
    case 'KeyRelease':
      return { kind: 'key-up', keysym: keysym() };
    case 'ButtonPress':
      return { kind: 'button-down', button: keycode, x, y };
    case 'ButtonRelease':
      return { kind: 'button-up', button: keycode, x, y };
    case 'MotionNotify':
      return { kind: 'move', x, y };
    default:
      return null;
  }
}

/** Nothing for keys that write nothing. */
function characterOf(keysym: number): string {
  if (keysym === ENTER) return '\n';
  if (keysym >= 0x20 && keysym < 0x100) return String.fromCodePoint(keysym);
  return keysym >= UNICODE_KEYSYMS ? String.fromCodePoint(keysym - UNICODE_KEYSYMS) : '';
}
