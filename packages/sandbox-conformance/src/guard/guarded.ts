// Puts a passage around every method of a handle, without repeating the interface of each.
import type { CallOptions } from '@boxyard/sandbox-core';
import type { Passage } from './passage.ts';

// These answer items one after the other instead of one promise.
const ITERATING = new Set(['output', 'watch']);

/** The same handle with the passage around its calls; handles that it gives out have it too. */
export function guarded<T extends object>(target: T, label: string, passage: Passage): T {
  return new Proxy(target, {
    get(from, key) {
      const member: unknown = Reflect.get(from, key, from);
      if (typeof member !== 'function') return member;
      const name = `${label}${String(key)}`;
      return (...args: readonly unknown[]) => {
        const options = optionsIn(args);
        const call = () => Reflect.apply(member, from, args) as unknown;
        if (ITERATING.has(String(key))) {
          return passage.items(name, options?.signal, call() as AsyncIterable<unknown>);
        }
        return passage.call(name, options, async () => {
          const value = await call();
          return isHandle(value) ? guarded(value, `${name}.`, passage) : value;
        });
      };
    },
  });
}

/** Options come last in every call of a box; a request without a deadline or a signal reads as none. */
function optionsIn(args: readonly unknown[]): CallOptions | undefined {
  const last = args.at(-1);
  if (typeof last !== 'object' || last === null || Object.getPrototypeOf(last) !== Object.prototype)
    return undefined;
  return last;
}

/** A command or a terminal. */
const isHandle = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && 'exited' in value;
