import { getEventListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { SandboxError } from '../sandbox-error.ts';
import { bounded, throwIfAborted } from './bounded.ts';
import { boundedIterable } from './bounded-iterable.ts';

const never = () => new Promise<never>(() => undefined);
const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

describe('bounded', () => {
  it('answers what the work answers and leaves neither timer nor listener', async () => {
    const before = timers();
    const caller = new AbortController();
    await expect(bounded({ signal: caller.signal }, 'Work', async () => 7)).resolves.toBe(7);
    expect(getEventListeners(caller.signal, 'abort')).toHaveLength(0);
    expect(timers()).toBe(before);
  });

  it('passes the error of the work on as it is, thrown or rejected', async () => {
    const error = new RangeError('of the work');
    await expect(bounded({}, 'Work', () => Promise.reject(error))).rejects.toBe(error);
    const thrower = () => {
      throw error;
    };
    await expect(bounded({}, 'Work', thrower)).rejects.toBe(error);
  });

  it('ends a wait for work that never ends, and tells the work', async () => {
    let seen: AbortSignal | undefined;
    const before = timers();
    const call = bounded({ deadlineMs: 5 }, 'Reading "a"', (signal) => {
      seen = signal;
      return never();
    });
    await expect(call).rejects.toMatchObject({ code: 'timeout', started: 'unknown' });
    await expect(call).rejects.toThrow(/^Reading "a" was not done within 5 ms\..*deadlineMs\.$/);
    expect(seen?.aborted).toBe(true);
    expect(timers()).toBe(before);
  });

  it('ends a wait when the caller aborts', async () => {
    const caller = new AbortController();
    const call = bounded({ signal: caller.signal }, 'Work', never);
    caller.abort(new Error('reason'));
    await expect(call).rejects.toMatchObject({ code: 'cancelled', started: 'unknown' });
    await expect(call).rejects.toHaveProperty('cause.message', 'reason');
    expect(getEventListeners(caller.signal, 'abort')).toHaveLength(0);
  });

  it('never begins when the signal has aborted already', async () => {
    let calls = 0;
    const call = bounded({ signal: AbortSignal.abort() }, 'Work', async () => {
      calls += 1;
    });
    await expect(call).rejects.toMatchObject({ code: 'cancelled', started: 'no' });
    expect(calls).toBe(0);
  });

  it.each([
    [0, 'timeout'],
    [-1, 'timeout'],
    [Number.NaN, 'invalid'],
  ] as const)('never begins with a deadline of %s', async (deadlineMs, code) => {
    let calls = 0;
    const call = bounded({ deadlineMs }, 'Work', async () => {
      calls += 1;
    });
    await expect(call).rejects.toMatchObject({ code, started: 'no' });
    expect(calls).toBe(0);
  });

  it('takes deadlines that no timer can hold', async () => {
    for (const deadlineMs of [2 ** 40, Number.POSITIVE_INFINITY]) {
      await expect(bounded({ deadlineMs }, 'Work', () => delay(3, 'done'))).resolves.toBe('done');
    }
  });

  it('ignores what late work answers', async () => {
    let finish: (() => void) | undefined;
    const work = new Promise<void>((_, reject) => {
      finish = () => reject(new Error('late'));
    });
    await expect(bounded({ deadlineMs: 1 }, 'Work', () => work)).rejects.toMatchObject({ code: 'timeout' });
    finish?.();
    // An unhandled rejection would fail the run.
    await delay(1);
  });

  it('calls an error of the work that the abort caused cancelled', async () => {
    const caller = new AbortController();
    const call = bounded({ signal: caller.signal }, 'Work', async () => {
      caller.abort();
      throw new DOMException('aborted', 'AbortError');
    });
    await expect(call).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('hands the time that is left to calls on the way', async () => {
    const left = await bounded({ deadlineMs: 10_000 }, 'Work', async (_, call) => {
      await delay(5);
      return call.left().deadlineMs;
    });
    expect(left).toBeLessThan(10_000);
    expect(left).toBeGreaterThan(0);
  });

  it('lets progress move the default deadline but not a named one', async () => {
    const lasts = (deadlineMs: number | undefined) =>
      bounded({ deadlineMs }, 'Work', async (_, call) => {
        await delay(20);
        const before = call.left().deadlineMs;
        call.progress();
        return call.left().deadlineMs - before;
      });
    expect(await lasts(undefined)).toBeGreaterThan(10);
    expect(await lasts(10_000)).toBeLessThanOrEqual(0);
  });

  it('holds nothing of the calls that are over, whatever they waited for', async () => {
    const longLived = never();
    const caller = new AbortController();
    for (let i = 0; i < 500; i += 1) {
      await bounded({ signal: caller.signal, deadlineMs: 60_000 }, 'Work', async () => i);
    }
    expect(getEventListeners(caller.signal, 'abort')).toHaveLength(0);
    await expect(bounded({ deadlineMs: 1 }, 'Work', () => longLived)).rejects.toBeInstanceOf(SandboxError);
  });
});

describe('throwIfAborted', () => {
  it('throws cancelled, or the typed reason of the abort', () => {
    expect(() => throwIfAborted(undefined, 'Work')).not.toThrow();
    expect(() => throwIfAborted(new AbortController().signal, 'Work')).not.toThrow();
    expect(() => throwIfAborted(AbortSignal.abort(), 'Work')).toThrow(/^Work was cancelled/);
    const reason = new SandboxError('timeout', 'Late.');
    expect(() => throwIfAborted(AbortSignal.abort(reason), 'Work')).toThrow(reason);
  });
});

describe('boundedIterable', () => {
  async function* numbers(log: string[]) {
    try {
      yield 1;
      yield 2;
    } finally {
      log.push('closed');
    }
  }

  it('passes every item on', async () => {
    const log: string[] = [];
    const seen: number[] = [];
    for await (const item of boundedIterable({}, 'Reading', numbers(log))) seen.push(item);
    expect(seen).toEqual([1, 2]);
    expect(log).toEqual(['closed']);
  });

  it('asks the source to finish after a break', async () => {
    const log: string[] = [];
    for await (const _ of boundedIterable({}, 'Reading', numbers(log))) break;
    await delay(0);
    expect(log).toEqual(['closed']);
  });

  it('ends a source that hangs, by deadline and by signal', async () => {
    const hanging: AsyncIterable<number> = { [Symbol.asyncIterator]: () => ({ next: never }) };
    const read = async (options: Parameters<typeof boundedIterable>[0]) => {
      for await (const _ of boundedIterable(options, 'Reading', hanging)) void _;
    };
    await expect(read({ itemDeadlineMs: 2 })).rejects.toMatchObject({ code: 'timeout' });
    await expect(read({ signal: AbortSignal.timeout(2) })).rejects.toMatchObject({ code: 'cancelled' });
    await expect(read({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' });
  });
});
