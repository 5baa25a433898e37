// The watches of one runner. A box may run any number of commands whose output stays until somebody asks for it, so
// what is known of one that has ended must not stay here as long as the box is held.
import type { OpWatch } from './op-watch.ts';

/**
 * One watch for each op, so that all its handles see the same. Notices come for what runs: that is kept. What has ended
 * lives as long as its handles; who attaches to it later reads its record anew.
 */
export class OpWatches {
  readonly #running = new Map<string, OpWatch>();
  readonly #ended = new Map<string, WeakRef<OpWatch>>();
  readonly #dropped = new FinalizationRegistry<string>((id) => {
    // There may be another one of this id by now.
    if (this.#ended.get(id)?.deref() === undefined) this.#ended.delete(id);
  });

  get(id: string): OpWatch | undefined {
    return this.#running.get(id) ?? this.#ended.get(id)?.deref();
  }

  add(watch: OpWatch): void {
    this.#running.set(watch.id, watch);
    watch.onClosed(() => this.#end(watch));
  }

  delete({ id }: OpWatch): void {
    this.#running.delete(id);
    this.#ended.delete(id);
  }

  /** Of commands that run, as far as is known. */
  running(): Iterable<OpWatch> {
    return [...this.#running.values()];
  }

  #end(watch: OpWatch): void {
    // Dropped meanwhile, or its end is still to be looked for.
    if (this.#running.get(watch.id) !== watch || watch.exitCode === null) return;
    this.#running.delete(watch.id);
    this.#ended.set(watch.id, new WeakRef(watch));
    this.#dropped.register(watch, watch.id);
  }
}
