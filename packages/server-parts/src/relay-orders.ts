/** What a relay that runs as another process is told, again and again until it has taken it. */
import { type RelayOrder, tellRelay } from '@boxyard/streaming/relay';
import { Repeating } from './repeating.ts';

export interface RelayOrdersOptions {
  /** As machines dial it. */
  readonly relayUrl: string;
  /** What it checks orders with. */
  readonly secret: string | Uint8Array;
  readonly onTrouble: (error: unknown) => void;
  readonly retryEveryMs?: number | undefined;
}

const RETRY_EVERY_MS = 2_000;
/** No token lives longer that an order is about. */
const WORTH_TELLING_MS = 15 * 60_000;

interface Untold {
  readonly order: RelayOrder;
  readonly untilMs: number;
  /** It is being told at this moment. */
  underWay: boolean;
}

export class RelayOrders implements AsyncDisposable {
  readonly #options: RelayOrdersOptions;
  /** By what they are about: the newest takes the place of those before. */
  readonly #untold = new Map<string, Untold>();
  readonly #again: Repeating;

  constructor(options: RelayOrdersOptions) {
    this.#options = options;
    const { retryEveryMs = RETRY_EVERY_MS } = options;
    // Its first failure has been reported.
    this.#again = new Repeating(
      () => this.#tellAgain(),
      retryEveryMs,
      () => undefined,
    );
  }

  /** The session is at this epoch now. Resolves after the first try; never fails. */
  fenceSession(sessionId: string, epoch: number): Promise<void> {
    return this.#tell(`session ${sessionId}`, { kind: 'fence-session', sessionId, epoch });
  }

  /** The streams of this machine end. Resolves after the first try; never fails. */
  revokeMachine(agentId: string): Promise<void> {
    return this.#tell(`machine ${agentId}`, { kind: 'revoke', what: { agentId } });
  }

  /** What was not taken by then is given up: tokens of before run out by themselves. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#untold.clear();
    await this.#again[Symbol.asyncDispose]();
  }

  async #tell(about: string, order: RelayOrder): Promise<void> {
    const untold = { order, untilMs: Date.now() + WORTH_TELLING_MS, underWay: false };
    this.#untold.set(about, untold);
    try {
      await this.#send(about, untold);
    } catch (error) {
      this.#options.onTrouble(error);
    }
  }

  async #tellAgain(): Promise<void> {
    for (const [about, untold] of this.#untold) {
      if (untold.untilMs < Date.now()) this.#untold.delete(about);
      // A relay that is away takes none of the others either.
      else if (!untold.underWay) await this.#send(about, untold);
    }
  }

  async #send(about: string, untold: Untold): Promise<void> {
    const { relayUrl, secret } = this.#options;
    untold.underWay = true;
    try {
      await tellRelay(relayUrl, secret, untold.order);
    } finally {
      untold.underWay = false;
    }
    if (this.#untold.get(about) === untold) this.#untold.delete(about);
  }
}
