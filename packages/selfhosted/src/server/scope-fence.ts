import { ErrorCode } from '@boxyard/agent-proto/messages';
import { WireRefusal } from '../machine-failure.ts';

/** Sessions that one machine remembers; those heard of longest ago are forgotten first. */
const MOST_SCOPES = 10_000;

/**
 * The highest epoch heard of each session. Epochs are per session and one machine serves many, so a request without
 * a scope is not fenced.
 */
export class ScopeFence {
  readonly #highest = new Map<string, number>();

  /** @throws WireRefusal FENCED for an epoch that is lower than one heard before. */
  check(scope: string, epoch: number): void {
    if (scope === '') return;
    const held = this.#highest.get(scope) ?? 0;
    if (epoch < held) {
      throw new WireRefusal(ErrorCode.FENCED, 'The session works in another box since.', {
        box_code: 'fenced',
        started: 'no',
        op_epoch: String(epoch),
        held_epoch: String(held),
      });
    }
    this.#highest.delete(scope);
    this.#highest.set(scope, epoch);
    if (this.#highest.size > MOST_SCOPES) {
      for (const oldest of this.#highest.keys()) {
        this.#highest.delete(oldest);
        break;
      }
    }
  }
}
