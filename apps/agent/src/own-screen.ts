// The screen of this machine, for `serveBox`. It comes and goes as people sign in and out, so it is looked for now and
// then. What speaks to X servers is loaded only where there is one to speak to.
import { platform } from 'node:os';
import { type Display, DisplaySchema } from '@boxyard/agent-proto/messages';
import type { X11Desktop } from '@boxyard/desktop-x11';
import { SandboxError } from '@boxyard/sandbox-core';
import type { MachineScreen } from '@boxyard/selfhosted/server';
import { create } from '@bufbuild/protobuf';
import type { AgentSettings } from './agent-settings.ts';
import { chooseDisplay } from './display-choice.ts';
import { performInput } from './screen-input.ts';

/** How long the server may go on to believe in a screen that has changed. */
const LOOK_EVERY_MS = 30_000;

export interface OwnScreen extends MachineScreen {
  /** Finds out whether it can be seen now. */
  look(): Promise<void>;
  /** Called when it can be seen and could not before, or the other way round, or has another size. */
  onChange(listen: () => void): void;
  close(): Promise<void>;
}

export async function openOwnScreen(
  settings: Pick<AgentSettings, 'display' | 'displayAuthority'>,
  env: Readonly<Record<string, string | undefined>>,
): Promise<OwnScreen> {
  const choice = chooseDisplay(settings, env, platform());
  if ('unavailable' in choice) return new AbsentScreen(choice.unavailable);
  const { X11Desktop } = await import('@boxyard/desktop-x11');
  const screen = new ShownScreen(new X11Desktop(choice));
  await screen.look();
  return screen;
}

class AbsentScreen implements OwnScreen {
  readonly display = null;
  readonly unavailable: string;

  constructor(unavailable: string) {
    this.unavailable = unavailable;
  }

  input(): Promise<never> {
    return Promise.reject(this.#refusal());
  }

  screenshot(): Promise<never> {
    return Promise.reject(this.#refusal());
  }

  async look(): Promise<void> {}
  onChange(): void {}
  async close(): Promise<void> {}

  #refusal(): SandboxError {
    return new SandboxError('unsupported', `The machine shows no screen: ${this.unavailable}.`, {
      started: 'no',
    });
  }
}

class ShownScreen implements OwnScreen {
  readonly #desktop: X11Desktop;
  readonly #timer: NodeJS.Timeout;
  #display: Display | null = null;
  #unavailable = 'nobody has looked for it yet';
  #changed: () => void = () => undefined;

  constructor(desktop: X11Desktop) {
    this.#desktop = desktop;
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  get display(): Display | null {
    return this.#display;
  }

  get unavailable(): string {
    return this.#unavailable;
  }

  input(event: Parameters<MachineScreen['input']>[0], signal: AbortSignal): Promise<void> {
    return this.#used(performInput(this.#desktop, event, signal));
  }

  screenshot(maxBytes: number, signal: AbortSignal) {
    return this.#used(this.#desktop.screenshot({ maxBytes, signal }));
  }

  async look(): Promise<void> {
    const seen = await this.#desktop.look().catch((error: Error) => ({
      available: false as const,
      reason: error.message,
    }));
    const before = this.#display;
    if (seen.available) {
      const { display: id, width, height } = seen.use;
      this.#display = create(DisplaySchema, { id, width, height });
      this.#unavailable = '';
    } else {
      this.#display = null;
      this.#unavailable = seen.reason;
    }
    const { width, height } = this.#display ?? {};
    if (before?.width !== width || before?.height !== height) this.#changed();
  }

  onChange(listen: () => void): void {
    this.#changed = listen;
  }

  /** Who finds it otherwise than was told shall not be the only one who knows. */
  async #used<T>(use: Promise<T>): Promise<T> {
    try {
      const done = await use;
      if (this.#display === null) void this.look();
      return done;
    } catch (error) {
      if (!SandboxError.hasCode(error, 'invalid')) void this.look();
      throw error;
    }
  }

  close(): Promise<void> {
    clearInterval(this.#timer);
    return this.#desktop.close();
  }
}
