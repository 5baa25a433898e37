// Sessions that move between boxes, without leases: what a route opens and lets go of is in plain sight.
import { MemoryBox, MemoryMachine } from '@boxyard/sandbox-conformance';
import type { ActivePointer, Box } from '@boxyard/sandbox-core';
import { onTestFinished } from 'vitest';
import { type OpenedBox, PointerCache, RoutedBox, type RoutedBoxOptions } from '../src/index.ts';

export interface StageOptions {
  /** Decorates the box of a machine whenever it is opened. */
  readonly decorate?: (box: Box, name: string) => Box;
  readonly trustMs?: number;
  readonly endedLingerMs?: number;
}

export const bytes = (text: string) => new Uint8Array(Buffer.from(text));
export const text = (data: Uint8Array) => Buffer.from(data).toString();

/** Machines by name; `home` is the session's own. */
export class Stage {
  readonly machines = new Map<string, MemoryMachine>();
  /** Names of the boxes that are open at present, each as often as it is. */
  readonly open: string[] = [];
  pointer: ActivePointer = { activeSandboxId: null, activeEpoch: 0 };
  reads = 0;
  /** Set to make opening fail. */
  refusal: Error | null = null;
  readonly #listeners = new Set<() => void>();
  readonly #options: StageOptions;

  constructor(options: StageOptions = {}) {
    this.#options = options;
  }

  readonly source = {
    read: async () => {
      this.reads += 1;
      return this.pointer;
    },
    subscribe: (onMoved: () => void) => {
      this.#listeners.add(onMoved);
      return () => void this.#listeners.delete(onMoved);
    },
  };

  machine(name: string): MemoryMachine {
    const known = this.machines.get(name) ?? new MemoryMachine({ instance: name });
    this.machines.set(name, known);
    return known;
  }

  /** A look at a box from outside of any route. */
  box(name: string): MemoryBox {
    return new MemoryBox(this.machine(name));
  }

  async files(name: string): Promise<readonly string[]> {
    return (await this.box(name).files.list('')).map((entry) => entry.name).sort();
  }

  /** As a swap of this or another process: the pointer first, then the fence in the box that was left. */
  async move(to: string | null, { told = true, fenced = true } = {}): Promise<void> {
    const left = this.pointer.activeSandboxId ?? 'home';
    this.pointer = { activeSandboxId: to, activeEpoch: this.pointer.activeEpoch + 1 };
    const fence = { sessionId: 'session', activeEpoch: this.pointer.activeEpoch };
    if (fenced) await this.box(left).exec({ program: { script: 'true' } }, { fence });
    if (told) for (const listener of this.#listeners) listener();
  }

  options(): RoutedBoxOptions<OpenedBox & { readonly name: string }> {
    const cache = new PointerCache(this.source, { trustMs: this.#options.trustMs ?? 3_600_000 });
    onTestFinished(() => cache[Symbol.dispose]());
    return {
      sessionId: 'session',
      endedLingerMs: this.#options.endedLingerMs,
      pointer: cache,
      open: async ({ activeSandboxId }) => {
        if (this.refusal !== null) throw this.refusal;
        const name = activeSandboxId ?? 'home';
        const own = this.box(name);
        this.open.push(name);
        return {
          name,
          box: this.#options.decorate?.(own, name) ?? own,
          [Symbol.asyncDispose]: async () => {
            this.open.splice(this.open.indexOf(name), 1);
            await own.close();
          },
        };
      },
    };
  }

  async route(): Promise<RoutedBox<OpenedBox & { readonly name: string }>> {
    const routed = await RoutedBox.open(this.options());
    onTestFinished(() => routed.close());
    return routed;
  }
}
