// Aho–Corasick over UTF-16 units in flat arrays: one step a character whatever the number of patterns, and its
// depth is exactly how much of the text may still become a match, which is what a stream has to hold back.

/** Built once, read by any number of scans. */
export class PatternAutomaton {
  readonly #unit: number[] = [0];
  readonly #firstChild: number[] = [0];
  readonly #nextSibling: number[] = [0];
  readonly #fallback: number[] = [0];
  readonly #depth: number[] = [0];
  /** Of the longest pattern that ends here; 0 when none does. */
  readonly #matched: number[] = [0];
  /** The root has many children and is asked most often. */
  readonly #rootChildren = new Map<number, number>();

  constructor(patterns: Iterable<string>) {
    for (const pattern of patterns) if (pattern.length > 0) this.#insert(pattern);
    this.#linkFallbacks();
  }

  /** The state after `unit`; the state before any is 0. */
  next(state: number, unit: number): number {
    for (let node = state; ; node = this.#fallback[node]!) {
      const child = this.#child(node, unit);
      if (child !== 0) return child;
      if (node === 0) return 0;
    }
  }

  /** How many of the last units may be the beginning of a pattern. */
  pendingLength(state: number): number {
    return this.#depth[state]!;
  }

  /** Length of the longest pattern that ends at this state, or 0. */
  matchedLength(state: number): number {
    return this.#matched[state]!;
  }

  #child(node: number, unit: number): number {
    if (node === 0) return this.#rootChildren.get(unit) ?? 0;
    for (let child = this.#firstChild[node]!; child !== 0; child = this.#nextSibling[child]!) {
      if (this.#unit[child] === unit) return child;
    }
    return 0;
  }

  #insert(pattern: string): void {
    let node = 0;
    for (let index = 0; index < pattern.length; index += 1) {
      const unit = pattern.charCodeAt(index);
      node = this.#child(node, unit) || this.#addChild(node, unit);
    }
    this.#matched[node] = pattern.length;
  }

  #addChild(parent: number, unit: number): number {
    const child = this.#unit.length;
    this.#unit.push(unit);
    this.#firstChild.push(0);
    this.#nextSibling.push(this.#firstChild[parent]!);
    this.#fallback.push(0);
    this.#depth.push(this.#depth[parent]! + 1);
    this.#matched.push(0);
    this.#firstChild[parent] = child;
    if (parent === 0) this.#rootChildren.set(unit, child);
    return child;
  }

  /** Breadth first, because a fallback is always shallower. */
  #linkFallbacks(): void {
    const queue = [...this.#rootChildren.values()];
    for (let head = 0; head < queue.length; head += 1) {
      const node = queue[head]!;
      for (let child = this.#firstChild[node]!; child !== 0; child = this.#nextSibling[child]!) {
        const fallback = this.next(this.#fallback[node]!, this.#unit[child]!);
        this.#fallback[child] = fallback;
        this.#matched[child] = Math.max(this.#matched[child]!, this.#matched[fallback]!);
        queue.push(child);
      }
    }
  }
}
