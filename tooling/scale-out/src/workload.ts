/** People who give agents work, over whichever server answers. */
import { setTimeout as delay } from 'node:timers/promises';
import { BoxyardError, type BoxyardSession, createClient } from '@boxyard/client';
import { eventually } from '@tooling/eventually';
import type { Installation } from './installation.ts';
import { messageOf } from './task.ts';
import { THROUGH_KILLS } from './through-kills.ts';

export interface WorkedSession {
  readonly id: string;
  /** Ids of its turns, in order. */
  readonly turns: readonly string[];
  /** Terminal events that its follower saw, by turn. */
  readonly ends: ReadonlyMap<string, readonly string[]>;
}

const TERMINAL = /^turn\.(completed|failed|cancelled)$/;
/** Longer than a server is ever away. */
const AWAY_MS = 300_000;
/** What a server that was killed had sent to the database is committed by then, or never. */
const SETTLED_MS = 1_000;

/** Gives one task after the other until the time is over; the last one is waited for. */
export async function workInSession(
  installation: Installation,
  index: number,
  { isOver, onTurn }: { readonly isOver: () => boolean; readonly onTurn: () => void },
): Promise<WorkedSession> {
  const { servers, token } = installation;
  const clients = servers.map(({ url }) => createClient({ url, token, maxAttempts: 1 }));
  const anyOf = async <T>(
    what: string,
    ask: (client: (typeof clients)[number]) => Promise<T>,
  ): Promise<T> => {
    let turn = index;
    const answer = await eventually(
      what,
      async () => {
        turn += 1;
        return { value: await ask(clients[turn % clients.length]!) };
      },
      { ...THROUGH_KILLS, withinMs: AWAY_MS, everyMs: 300 },
    );
    return answer.value;
  };

  const { id } = await anyOf('a session', async (client) => client.sessions.create());
  const turns: string[] = [];
  const ends = new Map<string, string[]>();
  const session = (client: (typeof clients)[number]): BoxyardSession => client.session(id);
  const stopped = new AbortController();
  // One server for all of its life: it is killed and comes back, and the stream goes on where it broke.
  const following = (async () => {
    const { events } = session(clients[index % clients.length]!);
    for await (const { type, turnId } of events.follow({
      after: 0,
      signal: stopped.signal,
      resumeMs: AWAY_MS,
    })) {
      if (turnId === undefined || !TERMINAL.test(type)) continue;
      ends.set(turnId, [...(ends.get(turnId) ?? []), type]);
      onTurn();
    }
  })();
  following.catch(() => undefined);

  try {
    for (let task = 1; task === 1 || !isOver(); task++) {
      const turnId = await post(task);
      turns.push(turnId);
      await Promise.race([
        following,
        eventually(`the end of turn ${turnId}`, async () => ends.has(turnId), {
          ...THROUGH_KILLS,
          withinMs: AWAY_MS,
        }),
      ]);
    }
  } finally {
    stopped.abort();
    await following.catch(() => undefined);
  }
  return { id, turns, ends };

  /** A message whose answer got lost is looked for before it is sent again. */
  async function post(task: number): Promise<string> {
    let mayBeThere = false;
    return anyOf(`message ${task} of session ${id}`, async (client) => {
      const { api, events } = session(client);
      if (mayBeThere) {
        await delay(SETTLED_MS);
        const { items } = await events.list({ limit: 1_000, after: 0 });
        const found = items.find(
          ({ type, payload }) => type === 'turn.message' && Reflect.get(payload, 'text') === messageOf(task),
        );
        if (found?.turnId !== undefined) return found.turnId;
      }
      try {
        return (await api.turns.post({ text: messageOf(task) })).turnId;
      } catch (error) {
        mayBeThere = !(BoxyardError.isInstance(error) && error.started === 'no');
        throw error;
      }
    });
  }
}
