// One server process that is killed: from the n-th answer of a port on, nothing that it does reaches anybody and
// nothing reaches it. The n-th call itself has had its effect; only the reply is lost.
import type { Box, BoxCapabilities, Clock, Provider } from '@boxyard/sandbox-core';

const never = new Promise<never>(() => {});

/**
 * Kills a process in a test: everything that it reaches the world through is wrapped in one of these, and from the
 * n-th answer on it is cut off. Run a work again and again with n = 1, 2, … until it survives.
 */
export class Crash {
  readonly #at: number;
  #answers = 0;
  #isDead = false;
  readonly #died: Promise<void>;
  #die: () => void = () => {};

  constructor(at: number) {
    this.#at = at;
    this.#died = new Promise((resolve) => {
      this.#die = resolve;
    });
  }

  /** Resolves when the process is killed. */
  get died(): Promise<void> {
    return this.#died;
  }

  /** One answer: the work has its effect, and the reply is lost when the process dies here. */
  async call<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isDead) return never;
    const end = <R>(result: () => R): R | Promise<never> => {
      if (this.#isDead) return never;
      this.#answers += 1;
      if (this.#answers < this.#at) return result();
      this.#isDead = true;
      this.#die();
      return never;
    };
    return work().then(
      (value) => end(() => value),
      (error) =>
        end(() => {
          throw error;
        }),
    );
  }

  /** Every method that answers with a promise. */
  port<Port extends object>(port: Port): Port {
    return new Proxy(port, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]) => {
          const answer: unknown = this.#isDead ? never : Reflect.apply(member, target, args);
          return answer instanceof Promise ? this.call(() => answer) : answer;
        };
      },
    });
  }

  #box(box: Box): Box {
    const archives = box.capabilities.archives;
    const capabilities: BoxCapabilities = archives.available
      ? { ...box.capabilities, archives: { available: true, use: this.port(archives.use) } }
      : box.capabilities;
    return {
      ref: box.ref,
      workspaceRoot: box.workspaceRoot,
      epoch: box.epoch,
      capabilities,
      files: this.port(box.files),
      exec: (...call) => this.call(() => box.exec(...call)),
      spawn: (...call) => this.call(() => box.spawn(...call)),
      close: () => this.call(() => box.close()),
      [Symbol.asyncDispose]: () => box.close(),
    };
  }

  /** A provider whose boxes are cut off too. */
  provider(provider: Provider): Provider {
    const { parking } = provider;
    return {
      ...provider,
      create: (...call) => this.call(async () => this.#box(await provider.create(...call))),
      resume: (...call) => this.call(async () => this.#box(await provider.resume(...call))),
      destroy: (...call) => this.call(() => provider.destroy(...call)),
      parking: parking.available ? { available: true, use: this.port(parking.use) } : parking,
    };
  }

  /** A clock whose sleepers never wake after the end. */
  clock(clock: Clock): Clock {
    return {
      nowMs: () => clock.nowMs(),
      sleep: async (...call) => {
        await clock.sleep(...call);
        if (this.#isDead) await never;
      },
    };
  }
}
