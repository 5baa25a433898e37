import type { Box } from '@boxyard/sandbox-core';
import { GuardedBox } from '../guard/guarded-box.ts';
import type { ChaosPlan } from './chaos-plan.ts';
import { ChaosPoints } from './chaos-points.ts';

/** Any box with a bad connection: what its plan says happens at the points that calls pass. */
export class ChaosBox extends GuardedBox {
  readonly #points: ChaosPoints;

  constructor(box: Box, plan: ChaosPlan) {
    const points = new ChaosPoints(plan);
    super(box, points);
    this.#points = points;
  }

  /** The points that were passed so far, by name, in order: `exec →` on the way in, `exec ←` on the way out. */
  get trail(): readonly string[] {
    return this.#points.trail;
  }
}
