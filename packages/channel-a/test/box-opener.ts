/** Hands out one box and keeps book of who holds it, as leases do. */
import type { Box } from '@boxyard/sandbox-core';
import { SandboxError } from '@boxyard/sandbox-core';
import type { OpenBox } from '../src/open-box.ts';

export class BoxOpener {
  readonly #box: Box;
  epoch: number;
  /** `kind id` of every holder that has not let go. */
  readonly held: string[] = [];
  failure: SandboxError | null = null;

  constructor(box: Box) {
    this.#box = box;
    this.epoch = box.epoch;
  }

  readonly open: OpenBox = async (session, holder, options) => {
    if (this.failure !== null) throw this.failure;
    if (options?.expectedEpoch !== undefined && options.expectedEpoch !== this.epoch) {
      throw new SandboxError('fenced', 'The box moved on. Open it anew.', { started: 'no' });
    }
    const name = `${holder.kind} ${holder.id}`;
    this.held.push(name);
    let holds = true;
    return {
      groupId: session.groupId,
      box: this.#box,
      epoch: this.epoch,
      [Symbol.asyncDispose]: async () => {
        if (holds) this.held.splice(this.held.indexOf(name), 1);
        holds = false;
      },
    };
  };
}
