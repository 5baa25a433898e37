// What we use of the `x11` package, which brings no types.
declare module 'x11' {
  import type { EventEmitter } from 'node:events';

  /** Answers whether an error was dealt with; one that was not is emitted as `error`. */
  type Reply<T> = (error: Error | null | undefined, value: T) => boolean;

  interface Visual {
    /** 4 is TrueColor, 5 DirectColor. */
    readonly class: number;
    readonly red_mask: number;
    readonly green_mask: number;
    readonly blue_mask: number;
  }
  interface Screen {
    readonly root: number;
    readonly root_visual: number;
    readonly root_depth: number;
    readonly black_pixel: number;
    readonly depths: Readonly<Record<number, Readonly<Record<number, Visual>>>>;
  }
  interface Display {
    readonly client: Client;
    readonly screen: readonly Screen[];
    readonly format: Readonly<
      Record<number, { readonly bits_per_pixel: number; readonly scanline_pad: number }>
    >;
    /** 0 is least significant byte first. */
    readonly image_byte_order: number;
    readonly min_keycode: number;
    readonly max_keycode: number;
  }
  interface XTest {
    readonly KeyPress: number;
    readonly KeyRelease: number;
    readonly ButtonPress: number;
    readonly ButtonRelease: number;
    readonly MotionNotify: number;
    FakeInput(type: number, detail: number, delayMs: number, window: number, x: number, y: number): void;
  }
  interface ScreenResources {
    readonly timestamp: number;
    readonly config_timestamp: number;
    readonly crtcs: readonly number[];
  }
  interface RandR {
    GetScreenResources(window: number, reply: Reply<ScreenResources>): void;
    SetCrtcConfig(
      crtc: number,
      timestamp: number,
      configTimestamp: number,
      x: number,
      y: number,
      mode: number,
      rotation: number,
      outputs: readonly number[],
      reply: Reply<{ readonly status: number }>,
    ): void;
    SetScreenSize(window: number, width: number, height: number, widthMm: number, heightMm: number): void;
  }
  interface WindowEvent {
    readonly name: string;
    /** Also the number of a button. */
    readonly keycode: number;
    readonly rootx: number;
    readonly rooty: number;
    /** Which modifiers and buttons were down. */
    readonly buttons: number;
  }
  interface Client extends EventEmitter {
    on(event: 'error', listen: (error: Error) => void): this;
    on(event: 'event', listen: (event: WindowEvent) => void): this;
    require(extension: 'xtest', reply: (error: Error | null | undefined, extension: XTest) => void): void;
    require(extension: 'randr', reply: (error: Error | null | undefined, extension: RandR) => void): void;
    AllocID(): number;
    QueryExtension(name: string, reply: Reply<{ readonly present: number }>): void;
    GetInputFocus(reply: Reply<unknown>): void;
    GetGeometry(
      drawable: number,
      reply: Reply<{ readonly width: number; readonly height: number; readonly depth: number }>,
    ): void;
    GetImage(
      format: number,
      drawable: number,
      x: number,
      y: number,
      width: number,
      height: number,
      planes: number,
      reply: Reply<{ readonly depth: number; readonly data: Buffer }>,
    ): void;
    QueryPointer(
      window: number,
      reply: Reply<{ readonly rootX: number; readonly rootY: number; readonly keyMask: number }>,
    ): void;
    /** One row of keysyms for each keycode. */
    GetKeyboardMapping(first: number, count: number, reply: Reply<readonly (readonly number[])[]>): void;
    ChangeKeyboardMapping(first: number, keysymsPerKeycode: number, keysyms: readonly number[]): void;
    CreateWindow(
      id: number,
      parent: number,
      x: number,
      y: number,
      width: number,
      height: number,
      borderWidth: number,
      depth: number,
      windowClass: number,
      visual: number,
      values: Readonly<Record<string, number>>,
    ): void;
    MapWindow(id: number): void;
    SetInputFocus(id: number, revertTo: number): void;
  }
  interface ClientOptions {
    readonly display: string;
    /** Used in place of a connection of its own. */
    readonly stream: EventEmitter;
    readonly auth: { readonly name: string; readonly data: string };
    readonly disableBigRequests: boolean;
  }
  function createClient(
    options: ClientOptions,
    ready: (error: Error | undefined, display: Display) => void,
  ): Client;
  const keySyms: Readonly<Record<string, { readonly code: number }>>;
  const eventMask: Readonly<Record<string, number>>;
}
