// With a bus of the installation's own whoever stores events has to tell it: one that forgets is found here.
import { InProcessBus } from '@boxyard/sandbox-core';
import { eventually } from '@tooling/eventually';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { someOp, storeGroup, WORKSPACE } from '../test/records.ts';
import { openStore, type PostgresStore } from './open-store.ts';
import { openTestStore, type TestStore } from './testing.ts';

let testStore: TestStore;
let store: PostgresStore;
let bus: InProcessBus;
beforeAll(async () => {
  testStore = await openTestStore();
  bus = new InProcessBus();
  store = await openStore({ connection: testStore.connection, bus });
});
afterAll(async () => {
  await store.close();
  await bus.close();
  await testStore.close();
});

const event = (type: string) => ({ type, data: {} });

test('every way to store an event wakes who follows the session on the bus', async () => {
  const { group, sessions } = await storeGroup(store, 2);
  const [session, neighbour] = [sessions[0]!, sessions[1]!];
  const other = (await storeGroup(store)).group;
  const calls = { session: 0, neighbour: 0 };
  store.events.subscribe(session.id, () => {
    calls.session += 1;
  });
  store.events.subscribe(neighbour.id, () => {
    calls.neighbour += 1;
  });
  const wakes = async (what: string, store_: () => Promise<unknown>) => {
    const before = calls.session;
    await store_();
    await eventually(`${what} wakes`, () => calls.session > before);
  };

  const options = { leaseEpoch: 1, mutates: true };
  await wakes('an event', () => store.events.append({ sessionId: session.id }, [event('one')], options));
  expect(calls.neighbour).toBe(0);
  await wakes('an event of the group', () =>
    store.events.append({ groupId: group.id }, [event('all')], options),
  );
  expect(calls.neighbour).toBe(1);

  const op = someOp(session);
  await wakes('the start of a command', () => store.ops.start(op, [event('op.started')]));
  const pty = {
    id: uuidv7(),
    sessionId: session.id,
    groupId: group.id,
    hostId: uuidv7(),
    leaseEpoch: 1,
    cols: 80,
    rows: 24,
    createdAt: new Date(),
  };
  await wakes('a terminal', () => store.ptys.add(pty, [event('pty.started')]));
  const end = { exitCode: 0, reason: 'host-restarted' } as const;
  await wakes('the end of a terminal', () => store.ptys.end(pty, end, [event('pty.exited')]));
  await wakes('a swap', () =>
    store.pointers.swap({
      workspaceId: WORKSPACE,
      sessionId: session.id,
      target: other.id,
      leaseEpoch: 1,
      describe: () => event('sandbox.swapped'),
    }),
  );

  const message = {
    workspaceId: WORKSPACE,
    sessionId: session.id,
    turnId: uuidv7(),
    messageId: uuidv7(),
    text: 'Go',
    limits: { maxModelCalls: null, timeBudgetMs: null },
    approvals: [],
    event: event('turn.message'),
  };
  await wakes('a message', () => store.turns.post(message));
  const { attempt } = (await store.turns.claim(message.turnId, 'worker', 20_000))!;
  await store.turns.takeMessages(attempt);
  await wakes('what a turn tells', () => store.turns.tell(attempt, [event('turn.started')]));
  await wakes('what a turn tells with its journal', () =>
    store.turns.record(attempt, [], null, [event('tool.call.started')]),
  );
  await wakes('the end of a turn', () =>
    store.turns.finish(attempt, { status: 'completed', error: null }, [event('turn.completed')]),
  );
});
