// What a person sees and keeps when a part is struck in the middle of a turn. Each row of docs/turn-faults.md is one
// of these tests. All five phases are under way in sessions of their own when the one strike comes.
import { readFile } from 'node:fs/promises';
import type { BoxyardSession, SessionEvent, Turn } from '@boxyard/client';
import { eventually } from '@tooling/eventually';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FaultYard, type YardKind } from './fault-yard.ts';
import { KEPT, PHASES, type Phase } from './phases.ts';

const MINUTES = 60_000;
/** So that a swap with the files takes longer than the time until it is struck. */
const BALLAST_BYTES = 32 * 1024 ** 2;

interface Strike {
  readonly yard: YardKind;
  /** What is done; answers what makes it good again. */
  readonly hit: (yard: FaultYard, groups: readonly string[]) => Promise<() => Promise<void>>;
}

const nothing = async () => undefined;

const STRIKES: Readonly<Record<string, Strike>> = {
  'the server, by kill -9': {
    yard: 'all in one',
    hit: async (yard) => {
      await yard.killServer();
      return () => yard.startServer();
    },
  },
  'the database, by kill -9': {
    yard: 'all in one',
    hit: async (yard) => {
      await yard.killDatabase();
      return nothing;
    },
  },
  'the box': {
    yard: 'all in one',
    hit: async (yard, groups) => {
      for (const group of groups) await yard.loseBox(group);
      return nothing;
    },
  },
  'the endpoint of the model': {
    yard: 'all in one',
    hit: async (yard) => {
      await yard.stopModel();
      return () => yard.startModel();
    },
  },
  'the reader of the events': {
    yard: 'all in one',
    hit: async (yard) => {
      expect(yard.cutReaders()).toBeGreaterThan(0);
      return nothing;
    },
  },
  'the worker, by kill -9': {
    yard: 'apart',
    hit: async (yard) => {
      await yard.killWorker();
      return () => yard.startWorker();
    },
  },
  'the API, by kill -9': {
    yard: 'apart',
    hit: async (yard) => {
      await yard.killServer();
      return () => yard.startServer();
    },
  },
};

/** Strikes that leave the yard as it was share it. */
const yards = new Map<YardKind, Promise<FaultYard>>();
function yardOf(kind: YardKind): Promise<FaultYard> {
  const yard = yards.get(kind) ?? FaultYard.start(kind);
  yards.set(kind, yard);
  return yard;
}
afterAll(async () => {
  for (const yard of yards.values()) await (await yard).end();
}, 2 * MINUTES);

const isEnd = ({ type }: SessionEvent) => /^turn\.(completed|failed|cancelled)$/.test(type);

interface Scene {
  readonly session: () => BoxyardSession;
  readonly turnId: string;
  /** What somebody saw who read along from the beginning. */
  readonly seen: readonly SessionEvent[];
}

describe.each(Object.keys(STRIKES))('%s', (strike) => {
  const { yard: kind, hit } = STRIKES[strike] as Strike;
  let yard: FaultYard;
  const scenes = new Map<Phase, Scene>();
  const leave = new AbortController();
  const readings: Promise<void>[] = [];

  beforeAll(async () => {
    yard = await yardOf(kind);
    const sessions = await Promise.all(
      PHASES.map((phase) => yard.newSession(phase === 'a swap' ? BALLAST_BYTES : 0)),
    );
    const begun: (readonly [Phase, readonly SessionEvent[]])[] = [];
    const areBegun = () =>
      eventually(`the beginning of ${begun.map(([phase]) => phase).join(', ')}`, async () =>
        begun.every(([phase, seen]) => seen.some(BEGUN[phase])),
      );
    for (const [index, phase] of PHASES.entries()) {
      const { id } = sessions[index] as (typeof sessions)[number];
      const seen: SessionEvent[] = [];
      readings.push(follow(yard.throughRelay(id), seen));
      const approvals = phase === 'a wait for approval' ? ['exec_command'] : [];
      const { turnId } = await yard.session(id).api.turns.post({ text: `${phase}: ${id}`, approvals });
      scenes.set(phase, { session: () => yard.session(id), turnId, seen });
      begun.push([phase, seen]);
      // A swap is soon over: it is begun together with what waits behind it.
      if (phase !== 'a swap') await areBegun();
    }
    const groups = sessions.map(({ groupId }) => groupId);
    const mend = await hit(yard, groups);
    await mend();
    await goOn(yard, scenes);
  }, 5 * MINUTES);
  afterAll(async () => {
    leave.abort();
    await Promise.all(readings);
  }, MINUTES);

  async function follow(session: BoxyardSession, seen: SessionEvent[]): Promise<void> {
    try {
      for await (const event of session.events.follow({ signal: leave.signal, resumeMs: 3 * MINUTES }))
        seen.push(event);
    } catch (error) {
      if (!leave.signal.aborted) throw error;
    }
  }

  test.each(PHASES)('in the middle of %s', { timeout: 3 * MINUTES }, async (phase) => {
    const { session, turnId, seen } = scenes.get(phase) as Scene;
    const turn = await eventually(
      'the end of the turn',
      () =>
        session()
          .api.turns.get(turnId)
          .then(
            (found): Turn | null => (found.endedAt === null ? null : found),
            () => null,
          ),
      { withinMs: 120_000 },
    );
    await eventually('the end in the stream', async () => seen.some(isEnd));
    const row = await rowOf(strike, phase);
    expect(row.ends).toContain(turn.status);
    const types = seen.map(({ type }) => type as string);
    for (const { type, times } of row.seen) {
      const found = types.filter((one) => one === type).length;
      expect(found, `${type} in the stream: ${types.join(' ')}`).toBeGreaterThanOrEqual(times);
    }

    // Nothing is missing for who read along, nothing came twice, and the turn ended once.
    const { items } = await session().events.list({ limit: 1000 });
    expect(seen.filter(({ seq }) => seq <= (items.at(-1)?.seq ?? 0)).map(({ seq }) => seq)).toEqual(
      items.map(({ seq }) => seq),
    );
    expect(items.filter(isEnd)).toHaveLength(1);
    expect(turn.attempt).toBeGreaterThanOrEqual(1);

    // A command never runs twice, and the files that were saved are there.
    const { stdout } = await session().exec('cat kept.txt; cat lines 2>/dev/null | wc -l');
    const [kept, lines] = stdout.split('\n');
    expect(kept).toBe(KEPT);
    expect(Number(lines)).toBeLessThanOrEqual(1);
    if (row.kept.includes('the command ran once')) expect(Number(lines)).toBe(1);
  });
});

/** The event after which something is in the middle of its phase. */
const BEGUN: Readonly<Record<Phase, (event: SessionEvent) => boolean>> = {
  'a wait for approval': ({ type }) => type === 'approval.requested',
  'an answer of the model': ({ type }) => type === 'model.text.delta',
  'a tool call': ({ type }) => type === 'tool.call.output.delta',
  'a swap': ({ type }) => type === 'tool.call.started',
  'its wait in the queue': ({ type }) => type === 'turn.message',
};

/** As people would, once everything is good again: the pending call is approved, and what waits for a file gets it. */
async function goOn(yard: FaultYard, scenes: ReadonlyMap<Phase, Scene>): Promise<void> {
  yard.goOn();
  const waiting = scenes.get('a wait for approval') as Scene;
  const asked = waiting.seen.find((event) => event.type === 'approval.requested');
  if (asked?.type !== 'approval.requested') throw new Error('It waits for approval.');
  const { approvalId } = asked.payload;
  await insist('the decision', () => waiting.session().api.turns.decide(approvalId, { decision: 'approve' }));
  const working = scenes.get('a tool call') as Scene;
  await insist('the file', () => working.session().files.write({ path: 'go', content: '' }));
}

const insist = (what: string, ask: () => Promise<unknown>): Promise<unknown> =>
  eventually(
    what,
    () =>
      ask().then(
        () => true,
        () => false,
      ),
    { withinMs: 60_000 },
  );

const DOC = new URL('../../../../docs/turn-faults.md', import.meta.url);

/** What the page says: words in backquotes are statuses in the third column, and events in the fourth: `again` = twice. */
async function rowOf(strike: string, phase: string) {
  const rows = (await readFile(DOC, 'utf8')).split('\n').filter((line) => line.startsWith('|'));
  const cells = rows.map((row) => row.split('|').map((cell) => cell.trim()));
  const found = cells.filter(([, struck, during]) => struck === strike && during === phase);
  expect(found, `docs/turn-faults.md needs one row for ${strike} in the middle of ${phase}`).toHaveLength(1);
  const [, , , ends = '', seen = '', kept = ''] = found[0] ?? [];
  return {
    ends: [...ends.matchAll(/`([^`]+)`/g)].map(([, word]) => word),
    seen: [...seen.matchAll(/`([^`]+)`( again)?/g)].map(([, type, again]) => ({
      type,
      times: again ? 2 : 1,
    })),
    kept,
  };
}
