import type {
  DesktopInputRequestSchema,
  Display,
  PtyOpenRequestSchema,
  StreamChannel,
} from '@boxyard/agent-proto/messages';
import { type Bytes, type CallOptions, SandboxError } from '@boxyard/sandbox-core';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { MachineCalls } from './machine-calls.ts';
import type { OpenHandle } from './open-handle.ts';

type Init<Message> = Extract<Message, { readonly $typeName?: never }>;
/** A movement of the pointer, a key or a turn of the wheel. */
export type ScreenEvent = NonNullable<Init<MessageInitShape<typeof DesktopInputRequestSchema>>['event']>;
/** A terminal that people see through the relay. */
export type RelayTerminalRequest = Init<MessageInitShape<typeof PtyOpenRequestSchema>>;

export interface MachineScreenshot {
  readonly png: Bytes;
  readonly width: number;
  readonly height: number;
  /** Of the screen itself, which may be larger than its picture. */
  readonly nativeWidth: number;
  readonly nativeHeight: number;
}

/** What a machine shows to people: its screen, and terminals whose bytes flow through the relay. */
export class MachineScreen {
  readonly #calls: MachineCalls;
  readonly #handle: OpenHandle;

  constructor(calls: MachineCalls, handle: OpenHandle) {
    this.#calls = calls;
    this.#handle = handle;
  }

  /** Needs the owner's consent to screen control, else it is `denied` and nothing was touched. */
  input(event: ScreenEvent, options?: CallOptions): Promise<void> {
    const what = 'Moving the pointer or a key';
    return this.#handle.bounded(options, what, async (signal) => {
      const op = { case: 'desktopInput', value: { event } } as const;
      await this.#calls.ask(op, { what, signal, changes: true, fence: options?.fence });
    });
  }

  /** Scaled so that it fits into one message. */
  screenshot(options?: CallOptions): Promise<MachineScreenshot> {
    const what = 'Taking a picture of the screen';
    return this.#handle.bounded(options, what, async (signal) => {
      const shot = await this.#calls.ask({ case: 'desktopScreenshot', value: {} }, { what, signal });
      return {
        png: new Uint8Array(shot.png),
        width: shot.width,
        height: shot.height,
        nativeWidth: shot.nativeWidth || shot.width,
        nativeHeight: shot.nativeHeight || shot.height,
      };
    });
  }

  /** Makes pixels flow into a channel of the relay. The size is a wish. */
  ensure(
    size: { readonly width: number; readonly height: number },
    options?: CallOptions,
  ): Promise<{ readonly channel: StreamChannel; readonly display: Display | null }> {
    const what = 'Starting the screen';
    return this.#handle.bounded(options, what, async (signal) => {
      const op = { case: 'desktopEnsure', value: { ...size } } as const;
      const { channel, display } = await this.#calls.ask(op, { what, signal });
      return { channel: given(channel, what), display: display ?? null };
    });
  }

  /** A second open with the same `scopeId` answers with the same terminal. */
  openTerminal(
    request: RelayTerminalRequest,
    options?: CallOptions,
  ): Promise<{ readonly ptyId: string; readonly channel: StreamChannel }> {
    const what = 'Opening a terminal';
    return this.#handle.bounded(options, what, async (signal) => {
      const op = { case: 'ptyOpen', value: request } as const;
      const opened = await this.#calls.ask(op, { what, signal, changes: true, fence: options?.fence });
      return { ptyId: opened.ptyId, channel: given(opened.channel, what) };
    });
  }

  resizeTerminal(ptyId: string, cols: number, rows: number, options?: CallOptions): Promise<void> {
    const what = 'Resizing a terminal';
    return this.#handle.bounded(options, what, async (signal) => {
      await this.#calls.ask({ case: 'ptyResize', value: { ptyId, cols, rows } }, { what, signal });
    });
  }

  /** @returns Its exit code; -1 for one that still ran. */
  closeTerminal(ptyId: string, options?: CallOptions): Promise<number> {
    const what = 'Closing a terminal';
    return this.#handle.bounded(options, what, async (signal) => {
      const op = { case: 'ptyClose', value: { ptyId } } as const;
      return (await this.#calls.ask(op, { what, signal, changes: true })).exitCode;
    });
  }
}

function given(channel: StreamChannel | undefined, what: string): StreamChannel {
  if (channel !== undefined) return channel;
  throw new SandboxError('unreachable', `${what}: the machine named no channel. Update its agent.`);
}
