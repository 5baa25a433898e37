import type {
  Box,
  BoxCapabilities,
  BoxFiles,
  BoxProcess,
  BoxRef,
  CallOptions,
  ExecRequest,
  ExecResult,
  SpawnRequest,
} from '@boxyard/sandbox-core';
import { Route, type RouteOptions } from './route.ts';
import type { OpenedBox } from './route-stop.ts';
import { RoutedCapabilities } from './routed-capabilities.ts';
import { routedFiles } from './routed-files.ts';

export type RoutedBoxOptions<Opened extends OpenedBox = OpenedBox> = RouteOptions<Opened>;

/**
 * One box that follows the active pointer of a session. Each call goes to the box that is active when it is made;
 * handles (commands, terminals, streams, watches) stay with the box that made them, which is kept open until they
 * have ended or this is closed.
 *
 * After a fence (the session or its box moved on) what only looks is done again where it leads now, and so is a
 * change that provably had not begun; any other change ends with `outcome-unknown`. A box that is `gone` is opened
 * again by the next call.
 */
export class RoutedBox<Opened extends OpenedBox = OpenedBox> implements Box {
  readonly files: BoxFiles;
  readonly capabilities: BoxCapabilities;
  readonly #route: Route<Opened>;

  private constructor(route: Route<Opened>) {
    this.#route = route;
    this.files = routedFiles(route);
    this.capabilities = new RoutedCapabilities(route);
  }

  /** Opens the box that is active now. @throws whatever reading the pointer and opening the box throw. */
  static async open<Opened extends OpenedBox>(
    options: RoutedBoxOptions<Opened>,
    call: CallOptions = {},
  ): Promise<RoutedBox<Opened>> {
    const route = new Route(options);
    try {
      await route.follow(call);
      return new RoutedBox(route);
    } catch (error) {
      await route.close();
      throw error;
    }
  }

  /** What the latest call was led to, as it was opened. */
  get opened(): Opened {
    return this.#route.active.opened;
  }

  /** The epoch of the pointer that led there. */
  get activeEpoch(): number {
    return this.#route.active.pointer.activeEpoch;
  }

  get ref(): BoxRef {
    return this.opened.box.ref;
  }

  /** Of the active box: it may change with a swap. */
  get workspaceRoot(): string {
    return this.opened.box.workspaceRoot;
  }

  get epoch(): number {
    return this.opened.box.epoch;
  }

  /** Opens the box that is active now without doing anything there: before a swap lets go of it. */
  async follow(call: CallOptions = {}): Promise<void> {
    await this.#route.follow(call);
  }

  exec(request: ExecRequest, options?: CallOptions): Promise<ExecResult> {
    return this.#route.change(options, ({ opened }, left) => opened.box.exec(request, left));
  }

  spawn(request: SpawnRequest, options?: CallOptions): Promise<BoxProcess> {
    return this.#route.change(options, async (stop, left) => {
      // The same id never runs twice, also not once in each of two boxes.
      const elsewhere = request.id === undefined ? undefined : this.#route.process(request.id);
      if (elsewhere !== undefined && stop.process(elsewhere.id) === undefined) return elsewhere;
      return stop.adopt(await stop.opened.box.spawn(request, left));
    });
  }

  close(): Promise<void> {
    return this.#route.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
