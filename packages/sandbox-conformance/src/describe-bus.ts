import type { Bus } from '@boxyard/sandbox-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

/** Where the buses of several processes meet. */
export interface BusSubject {
  /** As one more process would have it; closed by the suite. */
  connect(): Promise<Bus>;
  /** Cuts every link and lets them come back; absent where there is none. */
  readonly breakLinks?: () => Promise<void>;
  dispose(): Promise<void>;
}

export interface DescribeBusOptions {
  readonly name: string;
  /** Called once. */
  readonly make: () => Promise<BusSubject>;
  /** How long a case waits for one thing, in milliseconds. 30 000 when absent. */
  readonly waitMs?: number;
}

/** Registers one vitest test for each promise of a bus. */
export function describeBus({ name, make, waitMs = 30_000 }: DescribeBusOptions): void {
  describe(`${name} as a bus`, { timeout: 4 * waitMs }, () => {
    let subject: BusSubject;
    const open: Bus[] = [];
    beforeAll(async () => {
      subject = await make();
    }, 4 * waitMs);
    afterAll(async () => {
      await Promise.all(open.map((bus) => bus.close()));
      await subject?.dispose();
    }, 4 * waitMs);

    const connect = async (): Promise<Bus> => {
      const bus = await subject.connect();
      open.push(bus);
      await bus.listening(AbortSignal.timeout(waitMs));
      return bus;
    };

    test('a topic wakes whoever subscribes to it, in every process, and nobody else', async () => {
      const [one, other] = [await connect(), await connect()];
      const calls = { mine: counter(), theirs: counter(), elsewhere: counter() };
      one.subscribe('events/a', calls.mine.call);
      other.subscribe('events/a', calls.theirs.call);
      other.subscribe('events/b', calls.elsewhere.call);
      await heard(one, other);
      const before = calls.elsewhere.count();
      await calls.mine.grows(() => one.publish('events/a'), waitMs);
      await calls.theirs.grows(() => one.publish('events/a'), waitMs);
      await calls.theirs.grows(() => other.publish('events/a'), waitMs);
      await heard(one, other);
      expect(calls.elsewhere.count()).toBe(before);
    });

    test('a callback may be subscribed twice, and who stops is not called any more', async () => {
      const [one, other] = [await connect(), await connect()];
      const calls = counter();
      const stops = [one.subscribe('topic', calls.call), one.subscribe('topic', calls.call)];
      await heard(one, other);
      await calls.grows(() => other.publish('topic'), waitMs);
      stops[0]!();
      stops[0]!();
      await calls.grows(() => other.publish('topic'), waitMs);
      stops[1]!();
      const before = calls.count();
      other.publish('topic');
      await heard(one, other);
      expect(calls.count()).toBe(before);
      one.subscribe('topic', calls.call);
      await heard(one, other);
      await calls.grows(() => other.publish('topic'), waitMs);
    });

    test('any text is a topic', async () => {
      const [one, other] = [await connect(), await connect()];
      for (const topic of ['turn/1.2', 'a b', '*', '>', 'ü/', 'x'.repeat(200)]) {
        const calls = counter();
        one.subscribe(topic, calls.call);
        await heard(one, other);
        await calls.grows(() => other.publish(topic), waitMs);
      }
    });

    test('after links were cut everybody is woken, and what is published then is heard', async () => {
      if (subject.breakLinks === undefined) {
        // Within one process there is no link: what is published while somebody publishes is heard all the same.
        const bus = await connect();
        const calls = counter();
        bus.subscribe('outer', () => bus.publish('inner'));
        bus.subscribe('inner', calls.call);
        await calls.grows(() => bus.publish('outer'), waitMs);
        return;
      }
      const [one, other] = [await connect(), await connect()];
      const calls = counter();
      one.subscribe('topic', calls.call);
      await heard(one, other);
      const before = calls.count();
      await subject.breakLinks();
      await calls.exceeds(before, waitMs);
      await calls.grows(() => other.publish('topic'), waitMs);
    });

    test('a closed bus is silent, and may be closed again', async () => {
      const [one, other] = [await connect(), await connect()];
      const calls = counter();
      one.subscribe('topic', calls.call);
      await heard(one, other);
      await one.close();
      await one.close();
      const before = calls.count();
      one.publish('topic');
      one.subscribe('topic', calls.call)();
      other.publish('topic');
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(calls.count()).toBe(before);
    });

    /** What either published before is heard by both; a bus that is one for both hears its own. */
    async function heard(one: Bus, other: Bus): Promise<void> {
      for (const [from, to] of [
        [one, other],
        [other, one],
      ] as const) {
        const calls = counter();
        const stop = to.subscribe(`heard/${Math.random()}`, () => {});
        const topic = `heard/${Math.random()}`;
        const stopCalls = to.subscribe(topic, calls.call);
        await calls.grows(() => from.publish(topic), waitMs);
        stop();
        stopCalls();
      }
    }
  });
}

/** Counts calls, and waits for more of them. */
function counter() {
  let calls = 0;
  const exceeds = async (before: number, waitMs: number, again: () => void = () => {}) => {
    for (const until = Date.now() + waitMs; calls <= before; ) {
      if (Date.now() > until) throw new Error(`Nobody was woken within ${waitMs} ms.`);
      again();
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  };
  return {
    call: () => {
      calls += 1;
    },
    count: () => calls,
    exceeds,
    /** Published until it is heard: a subscription takes a moment to be known everywhere. */
    grows: (publish: () => void, waitMs: number) => exceeds(calls, waitMs, publish),
  };
}
