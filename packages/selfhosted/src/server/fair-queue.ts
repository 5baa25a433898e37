// Bounded work, one session after the other, so that a busy one does not keep the others waiting.
import { ErrorCode } from '@boxyard/agent-proto/messages';
import { WireRefusal } from '../machine-failure.ts';

type Job = () => Promise<void>;

export class FairQueue {
  readonly #maxRunning: number;
  readonly #maxWaiting: number;
  /** In the order in which their turn comes; a session goes to the end with each of its jobs. */
  readonly #waiting = new Map<string, Job[]>();
  #waitingCount = 0;
  #running = 0;
  #idle: (() => void)[] = [];

  constructor(maxRunning: number, maxWaiting: number) {
    this.#maxRunning = maxRunning;
    this.#maxWaiting = maxWaiting;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waitingCount;
  }

  /** @throws WireRefusal DRAINING when too much waits already. */
  run<T>(scope: string, work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#maxRunning && this.#waitingCount >= this.#maxWaiting) {
      const message = `${this.#waitingCount} requests wait already. Try again.`;
      return Promise.reject(new WireRefusal(ErrorCode.DRAINING, message));
    }
    return new Promise((resolve, reject) => {
      const job = () => work().then(resolve, reject);
      if (this.#running < this.#maxRunning) this.#start(job);
      else {
        const jobs = this.#waiting.get(scope);
        if (jobs === undefined) this.#waiting.set(scope, [job]);
        else jobs.push(job);
        this.#waitingCount++;
      }
    });
  }

  /** Resolves when nothing runs or waits. */
  async idle(): Promise<void> {
    while (this.#running > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #start(job: Job): void {
    this.#running++;
    void job().finally(() => {
      this.#running--;
      const next = this.#next();
      if (next !== null) this.#start(next);
      else if (this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve();
    });
  }

  #next(): Job | null {
    for (const [scope, jobs] of this.#waiting) {
      this.#waiting.delete(scope);
      const job = jobs.shift();
      if (jobs.length > 0) this.#waiting.set(scope, jobs);
      if (job === undefined) continue;
      this.#waitingCount--;
      return job;
    }
    return null;
  }
}
