import { eventually } from '@tooling/eventually';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { storeGroup, WORKSPACE } from '../test/records.ts';
import { openStore, type PostgresStore } from './open-store.ts';
import { openTestStore, type TestStore } from './testing.ts';

let store: TestStore;
let other: PostgresStore;

beforeAll(async () => {
  store = await openTestStore();
  other = await openStore({ connection: store.connection });
});

afterAll(async () => {
  await other.close();
  await store.close();
});

const options = { leaseEpoch: 3, mutates: true };
const event = (n: number) => ({ type: 'test', data: { n } });

describe('appending', () => {
  test('numbers events without gaps and stores them as they are', async () => {
    const { group, sessions } = await storeGroup(store);
    const sessionId = sessions[0]!.id;
    const data = { text: 'NUL \0, lone \ud800, "quotes" \\u0000', nested: [1, null, { a: true }] };
    expect(await store.events.append({ sessionId }, [{ type: 'odd', data }, event(2)], options)).toBe(1);
    expect(await store.events.append({ sessionId }, [event(3)], { ...options, mutates: false })).toBe(1);
    const events = await store.events.read(sessionId, { after: 0, limit: 10 });
    expect(events.map(({ seq, revision, type }) => ({ seq, revision, type }))).toEqual([
      { seq: 1, revision: 1, type: 'odd' },
      { seq: 2, revision: 1, type: 'test' },
      { seq: 3, revision: 1, type: 'test' },
    ]);
    expect(events[0]).toMatchObject({ sessionId, leaseEpoch: 3, data, at: expect.any(Date) });
    expect(await store.events.revision(group.id)).toBe(1);
  });

  test('to a group reaches each of its sessions, in its own numbers', async () => {
    const { group, sessions } = await storeGroup(store, 3);
    await store.events.append({ sessionId: sessions[1]!.id }, [event(0)], options);
    await store.events.append({ groupId: group.id }, [event(1), event(2)], options);
    const seqs = await Promise.all(
      sessions.map(async ({ id }) =>
        (await store.events.read(id, { after: 0, limit: 10 })).map(({ seq }) => seq),
      ),
    );
    expect(seqs).toEqual([
      [1, 2],
      [1, 2, 3],
      [1, 2],
    ]);
  });

  test('is one statement', async () => {
    const { group } = await storeGroup(store);
    const statements: string[] = [];
    const stop = store.onStatement((statement) => statements.push(statement));
    await store.events.append({ groupId: group.id }, [event(1), event(2)], options);
    stop();
    await store.events.revision(group.id);
    expect(statements).toHaveLength(1);
  });

  test('nothing only reads the revision, or only grows it', async () => {
    const { group, sessions } = await storeGroup(store);
    const nothing = { leaseEpoch: 0, mutates: false };
    expect(await store.events.append({ groupId: group.id }, [], nothing)).toBe(0);
    expect(await store.events.append({ groupId: group.id }, [], options)).toBe(1);
    expect(await store.events.append({ sessionId: sessions[0]!.id }, [], nothing)).toBe(1);
    expect(await store.events.read(sessions[0]!.id, { after: 0, limit: 10 })).toEqual([]);
  });

  test('to what does not exist is an error', async () => {
    for (const audience of [{ groupId: 'nowhere' }, { sessionId: 'nowhere' }]) {
      await expect(store.events.append(audience, [event(1)], options)).rejects.toMatchObject({
        code: 'not-found',
      });
      await expect(
        store.events.append(audience, [], { leaseEpoch: 1, mutates: false }),
      ).rejects.toMatchObject({ code: 'not-found' });
    }
    await expect(store.events.revision('nowhere')).rejects.toMatchObject({ code: 'not-found' });
  });

  test('from many sides at once leaves no gap, and revisions never go back', async () => {
    const { group, sessions } = await storeGroup(store, 3);
    const audiences = [{ groupId: group.id }, ...sessions.map(({ id }) => ({ sessionId: id }))];
    const appended = Array.from({ length: 160 }, (_, n) =>
      (n % 2 === 0 ? store : other).events.append(audiences[n % audiences.length]!, [event(n), event(n)], {
        leaseEpoch: 1,
        mutates: n % 3 !== 0,
      }),
    );
    // A session that goes meanwhile neither blocks the others nor is blocked.
    const goes = sessions[2]!.id;
    const deleted = store.sessions.delete(WORKSPACE, goes);
    const results = await Promise.allSettled(appended);
    await deleted;
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'not-found' });
    }
    for (const { id } of sessions.slice(0, 2)) {
      const events = await store.events.read(id, { after: 0, limit: 1_000 });
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
      expect(events).toHaveLength(160);
      const revisions = events.map(({ revision }) => revision);
      expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
    }
    expect(await store.events.read(goes, { after: 0, limit: 10 })).toEqual([]);
  });
});

describe('reading', () => {
  test('goes on after a number, and by so many', async () => {
    const { sessions } = await storeGroup(store);
    const sessionId = sessions[0]!.id;
    await store.events.append({ sessionId }, [1, 2, 3, 4].map(event), options);
    const page = await store.events.read(sessionId, { after: 1, limit: 2 });
    expect(page.map(({ seq }) => seq)).toEqual([2, 3]);
  });

  test('forgets what is older than a date, in bounded batches', async () => {
    const { sessions } = await storeGroup(store);
    const sessionId = sessions[0]!.id;
    await store.sql`DELETE FROM events`;
    await store.events.append({ sessionId }, [1, 2, 3].map(event), options);
    await store.setClockOffset(3_600_000);
    await store.events.append({ sessionId }, [event(4)], options);
    await store.setClockOffset(0);
    const soon = new Date(Date.now() + 1_800_000);
    expect(await store.events.trim(soon, 2)).toBe(2);
    expect(await store.events.trim(soon, 2)).toBe(1);
    expect(await store.events.trim(soon, 2)).toBe(0);
    const left = await store.events.read(sessionId, { after: 0, limit: 10 });
    expect(left.map(({ seq }) => seq)).toEqual([4]);
    expect(await store.events.append({ sessionId }, [event(5)], options)).toBeGreaterThan(0);
    expect((await store.events.read(sessionId, { after: 4, limit: 10 })).map(({ seq }) => seq)).toEqual([5]);
  });
});

describe('subscribing', () => {
  test('wakes those of the session, in every process, and nobody after they stopped', async () => {
    const { group, sessions } = await storeGroup(store, 2);
    const woken = { first: 0, second: 0, stopped: 0 };
    const stops = [
      other.events.subscribe(sessions[0]!.id, () => woken.first++),
      other.events.subscribe(sessions[1]!.id, () => woken.second++),
    ];
    other.events.subscribe(sessions[0]!.id, () => woken.stopped++)();
    // Everybody is woken once when listening begins.
    await eventually('listening', () => woken.first > 0 && woken.second > 0);
    const before = { ...woken };
    await store.events.append({ groupId: group.id }, [event(1)], options);
    await eventually('both are woken', () => woken.first > before.first && woken.second > before.second);
    const both = { ...woken };
    await store.events.append({ sessionId: sessions[0]!.id }, [event(2)], options);
    await eventually('the first is woken', () => woken.first > both.first);
    expect(woken).toMatchObject({ second: both.second, stopped: 0 });
    for (const stop of stops) stop();
  });

  test('goes on when the connection that listens is lost', async () => {
    const { sessions } = await storeGroup(store);
    const sessionId = sessions[0]!.id;
    let woken = 0;
    const stop = other.events.subscribe(sessionId, () => woken++);
    await store.events.append({ sessionId }, [event(1)], options);
    await eventually('listening', () => woken > 0);
    const before = woken;
    const cut = await store.sql`
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND query = 'listen boxyard'
    `;
    expect(cut.length).toBeGreaterThan(0);
    await eventually('woken by listening again', () => woken > before);
    const again = woken;
    await store.events.append({ sessionId }, [event(2)], options);
    await eventually('woken by an event', () => woken > again);
    stop();
  });
});
