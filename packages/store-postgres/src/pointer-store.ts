import {
  type ActivePointer,
  type CallOptions,
  type PointerStore,
  type PointerSwap,
  SandboxError,
  type SwapRequest,
  swapPointer,
} from '@boxyard/sandbox-core';
import { asJson, type Database } from './connect.ts';
import type { EventSignals } from './event-signals.ts';
import { type Notifications, topics } from './notifications.ts';

type Verdict = 'swapped' | 'fenced' | 'no-session' | 'no-target';

export class PostgresPointerStore implements PointerStore {
  readonly #database: Database;
  readonly #notifications: Notifications;
  readonly #signals: EventSignals;

  constructor(database: Database, notifications: Notifications, signals: EventSignals) {
    this.#database = database;
    this.#notifications = notifications;
    this.#signals = signals;
  }

  async read(
    workspaceId: string,
    sessionId: string,
    options?: CallOptions,
  ): Promise<(ActivePointer & { readonly homeGroupId: string }) | null> {
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Reading the active box of a session',
      sql<{ group_id: string; active_group_id: string | null; active_epoch: number }[]>`
        SELECT group_id, active_group_id, active_epoch FROM sessions
        WHERE workspace_id = ${workspaceId} AND id = ${sessionId}
      `,
      options,
    );
    if (row === undefined) return null;
    return {
      homeGroupId: row.group_id,
      activeSandboxId: row.active_group_id,
      activeEpoch: row.active_epoch,
    };
  }

  async swap(request: SwapRequest, options?: CallOptions): Promise<PointerSwap> {
    const { workspaceId, sessionId, expectedEpoch } = request;
    for (;;) {
      const found = await this.read(workspaceId, sessionId, options);
      if (found === null) throw noSession(sessionId);
      const { homeGroupId, ...from } = found;
      // A session's own group has one name only, so that going home twice is going home once.
      const target = request.target === homeGroupId ? null : request.target;
      const { pointer, outcome } = swapPointer(from, target, expectedEpoch);
      if (outcome !== 'swapped') return { outcome, pointer, from };
      const verdict = await this.#compareAndSet(request, from, pointer, options);
      if (verdict === 'swapped') return { outcome, pointer, from };
      if (verdict === 'no-session') throw noSession(sessionId);
      if (verdict === 'no-target')
        throw new SandboxError(
          'not-found',
          `There is no box group ${target ?? homeGroupId} in this workspace, or nobody uses it any more. Choose another target.`,
          { started: 'no', stage: 'swap' },
        );
      // Somebody else was quicker: whether that is in our way is for the transition to say.
    }
  }

  async #compareAndSet(
    { workspaceId, sessionId, leaseEpoch, describe }: SwapRequest,
    from: ActivePointer,
    to: ActivePointer,
    options: CallOptions | undefined,
  ): Promise<Verdict> {
    const { sql } = this.#database;
    const { type, data } = describe(from, to);
    const [row] = await this.#database.run(
      'Swapping the active box of a session',
      sql<{ verdict: Verdict }[]>`
        SELECT swap_active_box(
          ${workspaceId}, ${sessionId}, ${to.activeSandboxId}, ${from.activeEpoch}::integer, ${type},
          ${asJson(sql, data)}, ${leaseEpoch}::integer
        ) AS verdict
      `,
      options,
    );
    if (row!.verdict === 'swapped') this.#signals.stored(sessionId);
    return row!.verdict;
  }

  subscribe(sessionId: string, onMoved: () => void): () => void {
    return this.#notifications.subscribe(topics.pointer(sessionId), onMoved);
  }
}

const noSession = (sessionId: string) =>
  new SandboxError('not-found', `The session ${sessionId} does not exist. It may have been deleted.`, {
    started: 'no',
    stage: 'swap',
  });
