import {
  type ActivePointer,
  bounded,
  type CallOptions,
  DEFAULT_DEADLINE_MS,
  SandboxError,
} from '@boxyard/sandbox-core';
import type { PointerReader } from './pointer-cache.ts';
import { type OpenedBox, RouteStop } from './route-stop.ts';

export interface RouteOptions<Opened extends OpenedBox> {
  /** Whose pointer it is; named in every change, so that a box that it left can refuse it. */
  readonly sessionId: string;
  readonly pointer: PointerReader;
  /** Opens and holds the box that the pointer leads to. It bounds itself: a call that stops waiting does not end it. */
  readonly open: (pointer: ActivePointer, options: CallOptions) => Promise<Opened>;
  /** Every call goes to the first box, for good: that it was left, or is another's, is for the caller to deal with. */
  readonly stays?: boolean | undefined;
  /** How long a box that was left is kept after its last command has ended, to be read from. 30 s when absent. */
  readonly endedLingerMs?: number | undefined;
}

const ENDED_LINGER_MS = 30_000;

/** How often a call goes on after a fence. Each follows something that really moved, so more would be a loop. */
const MAX_RETRIES = 3;

/**
 * Leads every call to the box that is active when it is made: the pointer is asked, a box that it left is let go,
 * and what a box refuses because the session went elsewhere is done where it went.
 */
export class Route<Opened extends OpenedBox> {
  readonly #options: RouteOptions<Opened>;
  readonly #stops = new Map<string | null, RouteStop<Opened>>();
  #active: RouteStop<Opened> | null = null;
  #moving: Promise<RouteStop<Opened>> | null = null;
  #closing: Promise<void> | null = null;

  constructor(options: RouteOptions<Opened>) {
    this.#options = options;
  }

  /** Of the latest call. */
  get active(): RouteStop<Opened> {
    if (this.#active === null) throw new Error('A route is used after its first box was opened.');
    return this.#active;
  }

  /** Where the pointer leads now; opened, and the box before let go, when it moved. */
  async follow(options: CallOptions = {}): Promise<RouteStop<Opened>> {
    this.ensureOpen();
    return (
      this.#resting() ??
      bounded(options, 'Opening the active box', async (_, call) => {
        // Later ones are shared by whoever calls then, so that none of them ends the opening for the others.
        this.#moving ??= this.#move(this.#active === null ? call.left() : {}).finally(() => {
          this.#moving = null;
        });
        return this.#moving;
      })
    );
  }

  /** Looks; may be done again, so after a fence it is. */
  look<T>(options: CallOptions | undefined, call: Call<T, Opened>): Promise<T> {
    return this.#lead(options, call, () => true);
  }

  /**
   * Changes something: done again only when a box said that it had not begun, and `mayRepeat` agrees.
   * @throws SandboxError `outcome-unknown` after a fence that does not say so.
   */
  change<T>(
    options: CallOptions | undefined,
    call: Call<T, Opened>,
    mayRepeat: () => boolean = () => true,
  ): Promise<T> {
    return this.#lead(
      options,
      (stop, left) =>
        call(stop, {
          ...left,
          fence: { sessionId: this.#options.sessionId, activeEpoch: stop.pointer.activeEpoch },
        }),
      (error) => {
        if (error.started !== 'no') throw unknownOutcome(error);
        return mayRepeat();
      },
    );
  }

  /** The command of this id in whatever box of this route it was started. */
  process(id: string) {
    for (const stop of this.#stops.values()) {
      const process = stop.process(id);
      if (process !== undefined) return process;
    }
    return undefined;
  }

  /** @throws SandboxError `closed`. */
  ensureOpen(): void {
    if (this.#closing === null) return;
    throw new SandboxError('closed', 'This box was let go by its own user. Open it again.', {
      started: 'no',
    });
  }

  close(): Promise<void> {
    this.#closing ??= Promise.all([...this.#stops.values()].map((stop) => stop.close())).then(
      () => undefined,
    );
    return this.#closing;
  }

  async #lead<T>(
    options: CallOptions | undefined,
    call: Call<T, Opened>,
    mayRepeat: (error: SandboxError) => boolean,
  ): Promise<T> {
    const begunAt = performance.now();
    for (let retries = 0; ; retries += 1) {
      const left = retries === 0 ? options : leftOf(options, begunAt);
      this.ensureOpen();
      const stop = this.#resting() ?? (await this.follow(left));
      const release = stop.use();
      try {
        return await call(stop, left);
      } catch (error) {
        const fenced = SandboxError.hasCode(error, 'fenced');
        if (fenced || SandboxError.hasCode(error, 'gone')) stop.broken = true;
        if (!fenced || this.#options.stays === true) throw error;
        this.#options.pointer.distrust();
        if (!mayRepeat(error) || retries === MAX_RETRIES) throw error;
      } finally {
        release();
      }
    }
  }

  /** The active box while the pointer may be trusted and rests: nothing is awaited then. */
  #resting(): RouteStop<Opened> | null {
    const stop = this.#active;
    if (stop === null || stop.closed) return null;
    if (this.#options.stays === true) return stop;
    if (stop.broken) return null;
    return this.#options.pointer.trusted?.activeEpoch === stop.pointer.activeEpoch ? stop : null;
  }

  async #move(options: CallOptions): Promise<RouteStop<Opened>> {
    const pointer = await this.#options.pointer.read();
    const key = pointer.activeSandboxId;
    const known = this.#stops.get(key);
    const stop =
      known !== undefined && !known.broken && !known.closed ? known : await this.#open(pointer, options);
    stop.enter(pointer);
    const before = this.#active;
    this.#active = stop;
    if (before !== null && before !== stop) before.leave();
    return stop;
  }

  async #open(pointer: ActivePointer, options: CallOptions): Promise<RouteStop<Opened>> {
    const key = pointer.activeSandboxId;
    const opened = await this.#options.open(pointer, options);
    const stop: RouteStop<Opened> = new RouteStop(opened, pointer, {
      endedLingerMs: this.#options.endedLingerMs ?? ENDED_LINGER_MS,
      onClosed: () => {
        if (this.#stops.get(key) === stop) this.#stops.delete(key);
      },
    });
    if (this.#closing !== null) {
      await stop.close();
      this.ensureOpen();
    }
    const before = this.#stops.get(key);
    this.#stops.set(key, stop);
    before?.leave();
    return stop;
  }
}

/** One call to the box of a stop. */
export type Call<T, Opened extends OpenedBox> = (
  stop: RouteStop<Opened>,
  options: CallOptions | undefined,
) => Promise<T>;

/** A call that goes on elsewhere has the time that its caller gave to all of it. */
function leftOf(options: CallOptions | undefined, begunAt: number): CallOptions {
  const deadlineMs = options?.deadlineMs ?? DEFAULT_DEADLINE_MS;
  return { ...options, deadlineMs: Math.max(1, deadlineMs - (performance.now() - begunAt)) };
}

function unknownOutcome(cause: SandboxError): SandboxError {
  return new SandboxError(
    'outcome-unknown',
    `The session moved to another box, or its box to another owner, in the middle of a change: ${cause.message} Look at the result before you repeat it.`,
    { stage: cause.stage, started: 'unknown', cause },
  );
}
