import {
  available,
  type BoxArchives,
  type BoxAttach,
  type BoxCapabilities,
  type BoxDesktop,
  type BoxPorts,
  type BoxTerminals,
  type BoxWatch,
  type Capability,
  SandboxError,
} from '@boxyard/sandbox-core';
import { untilRead, wasRead } from './held-stream.ts';
import type { Route } from './route.ts';
import type { OpenedBox, RouteStop } from './route-stop.ts';

/**
 * What the active box can do. Each member says what the box of the latest call has; its `use` follows the pointer
 * as every other call does, so that a value held across a swap works in the new box, or is `unsupported` there.
 */
export class RoutedCapabilities<Opened extends OpenedBox> implements BoxCapabilities {
  readonly #route: Route<Opened>;
  readonly #attach: Capability<BoxAttach>;
  readonly #archives: Capability<BoxArchives>;
  readonly #terminal: Capability<BoxTerminals>;
  readonly #watch: Capability<BoxWatch>;
  readonly #ports: Capability<BoxPorts>;
  readonly #desktop: Capability<BoxDesktop>;

  constructor(route: Route<Opened>) {
    this.#route = route;
    this.#attach = available(routedAttach(route));
    this.#archives = available(routedArchives(route));
    this.#terminal = available(routedTerminals(route));
    this.#watch = available(routedWatch(route));
    this.#ports = available<BoxPorts>({
      expose: (port, options) => route.look(options, (stop, left) => useOf(stop, 'ports').expose(port, left)),
    });
    this.#desktop = available<BoxDesktop>({
      start: (options) => route.change(options, (stop, left) => useOf(stop, 'desktop').start(left)),
    });
  }

  get attach(): Capability<BoxAttach> {
    return this.#asActive('attach', this.#attach);
  }

  get archives(): Capability<BoxArchives> {
    return this.#asActive('archives', this.#archives);
  }

  get terminal(): Capability<BoxTerminals> {
    return this.#asActive('terminal', this.#terminal);
  }

  get watch(): Capability<BoxWatch> {
    return this.#asActive('watch', this.#watch);
  }

  get ports(): Capability<BoxPorts> {
    return this.#asActive('ports', this.#ports);
  }

  get desktop(): Capability<BoxDesktop> {
    return this.#asActive('desktop', this.#desktop);
  }

  #asActive<Use>(name: keyof BoxCapabilities, routed: Capability<Use>): Capability<Use> {
    const present = this.#route.active.opened.box.capabilities[name];
    return present.available ? routed : present;
  }
}

type UseOf<Name extends keyof BoxCapabilities> =
  BoxCapabilities[Name] extends Capability<infer Use> ? Use : never;

function useOf<Name extends keyof BoxCapabilities>(
  { opened }: RouteStop<OpenedBox>,
  name: Name,
): UseOf<Name> {
  const capability: Capability<unknown> = opened.box.capabilities[name];
  if (capability.available) return capability.use as UseOf<Name>;
  throw new SandboxError(
    'unsupported',
    `The box that the session works in now has no ${name}: ${capability.reason}. Swap to another one.`,
    { started: 'no' },
  );
}

function routedAttach<Opened extends OpenedBox>(route: Route<Opened>): BoxAttach {
  return {
    attach: (id, options) =>
      route.look(options, async (stop, left) => {
        // Of a box that the session has left, and that is kept for its commands.
        const elsewhere = route.process(id);
        if (elsewhere !== undefined && stop.process(id) === undefined) return elsewhere;
        return stop.adopt(await useOf(stop, 'attach').attach(id, left));
      }),
    list: (options) => route.look(options, (stop, left) => useOf(stop, 'attach').list(left)),
  };
}

function routedArchives<Opened extends OpenedBox>(route: Route<Opened>): BoxArchives {
  return {
    pack: (options) =>
      route.look(options, async (stop, left) => {
        const release = stop.use();
        try {
          const packed = await useOf(stop, 'archives').pack({ ...options, ...left });
          return { ...packed, stream: untilRead(packed.stream, release) };
        } catch (error) {
          release();
          throw error;
        }
      }),
    unpack: (archive, options) =>
      route.change(
        options,
        (stop, left) => useOf(stop, 'archives').unpack(archive, { ...options, ...left }),
        () => !wasRead(archive),
      ),
  };
}

function routedTerminals<Opened extends OpenedBox>(route: Route<Opened>): BoxTerminals {
  return {
    open: (request, options) =>
      route.change(options, async (stop, left) => {
        const terminal = await useOf(stop, 'terminal').open(request, left);
        // The box is kept as long as the terminal lives, wherever the session works meanwhile.
        const release = stop.use();
        terminal.exited({ deadlineMs: Number.POSITIVE_INFINITY }).then(release, release);
        return terminal;
      }),
  };
}

/** A watch stays with the box that it began in. */
function routedWatch<Opened extends OpenedBox>(route: Route<Opened>): BoxWatch {
  return {
    async *watch(path, options) {
      const stop = await route.follow({ signal: options.signal });
      const release = stop.use();
      try {
        yield* useOf(stop, 'watch').watch(path, options);
      } finally {
        release();
      }
    },
  };
}
