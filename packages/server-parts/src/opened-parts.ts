type Part = AsyncDisposable | Disposable;

/** What was opened, closed in the reverse order. As AsyncDisposableStack, which Node 22 does not have. */
export class OpenedParts implements AsyncDisposable {
  #closings: (() => unknown)[] = [];

  use<Opened extends Part>(part: Opened): Opened {
    this.defer(() => (Symbol.asyncDispose in part ? part[Symbol.asyncDispose]() : part[Symbol.dispose]()));
    return part;
  }

  defer(close: () => unknown): void {
    this.#closings.push(close);
  }

  /** The same parts in another's keeping; closing this one does nothing from now on. */
  move(): OpenedParts {
    const moved = new OpenedParts();
    moved.#closings = this.#closings;
    this.#closings = [];
    return moved;
  }

  /** Every part is closed, also when one of them fails; the first failure is thrown at the end. */
  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = [];
    for (let close = this.#closings.pop(); close !== undefined; close = this.#closings.pop()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
