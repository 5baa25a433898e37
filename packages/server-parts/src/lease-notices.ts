import type { LeaseNotice } from '@boxyard/leases';

/** What happens to boxes, for the parts that want to know: leases are made before most of those are. */
export class LeaseNotices {
  readonly #listeners: ((notice: LeaseNotice) => void)[] = [];

  /** In the order of subscription. A listener must not throw. */
  subscribe(listener: (notice: LeaseNotice) => void): void {
    this.#listeners.push(listener);
  }

  readonly tell = (notice: LeaseNotice): void => {
    for (const listener of this.#listeners) listener(notice);
  };
}
