import {
  available,
  type BoxCapabilities,
  type BoxWatch,
  type Capability,
  type FileChange,
} from '@boxyard/sandbox-core';

/** What stands between a holder and each call of its box. */
export interface HeldCalls {
  /** @throws SandboxError when the box is not this holder's any more. */
  check(): void;
  /** Makes the call if the box is still this holder's, and learns from its failure. */
  watch<T>(call: () => Promise<T>): Promise<T>;
}

/** The same capabilities, refused like every other call once the box is let go or lost. */
export function heldCapabilities(capabilities: BoxCapabilities, held: HeldCalls): BoxCapabilities {
  return {
    attach: map(capabilities.attach, (use) => ({
      attach: (...call) => held.watch(() => use.attach(...call)),
      list: (...call) => held.watch(() => use.list(...call)),
    })),
    archives: map(capabilities.archives, (use) => ({
      pack: (...call) => held.watch(() => use.pack(...call)),
      unpack: (...call) => held.watch(() => use.unpack(...call)),
    })),
    terminal: map(capabilities.terminal, (use) => ({
      open: (...call) => held.watch(() => use.open(...call)),
    })),
    watch: map(capabilities.watch, (use) => ({ watch: (...call) => changes(use, call, held) })),
    ports: map(capabilities.ports, (use) => ({ expose: (...call) => held.watch(() => use.expose(...call)) })),
    desktop: map(capabilities.desktop, (use) => ({
      start: (...call) => held.watch(() => use.start(...call)),
    })),
  };
}

const map = <Use>(capability: Capability<Use>, hold: (use: Use) => Use): Capability<Use> =>
  capability.available ? available(hold(capability.use)) : capability;

async function* changes(
  use: BoxWatch,
  call: Parameters<BoxWatch['watch']>,
  held: HeldCalls,
): AsyncGenerator<FileChange> {
  held.check();
  const source = use.watch(...call)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await held.watch(() => source.next());
      if (next.done === true) return;
      // It may have been let go while nothing changed.
      held.check();
      yield next.value;
    }
  } finally {
    await source.return?.();
  }
}
