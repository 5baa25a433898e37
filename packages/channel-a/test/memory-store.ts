/** The ports that the hosts write to, held in memory: small, and with every statement counted. */
import type {
  AppendOptions,
  ChangeJournal,
  EventAudience,
  EventLog,
  LoggedEvent,
  NewEvent,
  OpRecord,
  OpResult,
  OpStore,
} from '@boxyard/sandbox-core';

export class MemoryStore {
  statements = 0;
  revision = 0;
  readonly logged: LoggedEvent[] = [];
  readonly records = new Map<string, OpRecord>();

  readonly events: EventLog = {
    append: async (audience, events, options) => {
      this.statements += 1;
      return this.#log(audience, events, options);
    },
    revision: async () => this.revision,
    read: async (sessionId, { after, limit }) =>
      this.logged.filter((event) => event.sessionId === sessionId && event.seq > after).slice(0, limit),
    subscribe: () => () => undefined,
    trim: async () => 0,
  };

  readonly ops: OpStore = {
    start: async (op, events) => {
      this.statements += 1;
      const known = this.records.get(op.id);
      if (known !== undefined) return { created: false, op: known };
      this.records.set(op.id, structuredClone(op));
      this.#log({ sessionId: op.sessionId }, events, { leaseEpoch: op.leaseEpoch, mutates: false });
      return { created: true, op };
    },
    finish: async (op, state, result: OpResult, events) => {
      this.statements += 1;
      const known = this.records.get(op.id);
      if (known?.state === 'running') {
        this.records.set(op.id, { ...known, state, result });
        this.#log({ sessionId: op.sessionId }, events, { leaseEpoch: op.leaseEpoch, mutates: true });
      }
      return { revision: this.revision };
    },
    get: async (sessionId, opId) => {
      const op = this.records.get(opId);
      return op?.sessionId === sessionId ? op : null;
    },
    list: async (sessionId) => [...this.records.values()].filter((op) => op.sessionId === sessionId),
    running: async (limit) =>
      [...this.records.values()].filter(({ state }) => state === 'running').slice(0, limit),
    expired: async (endedBefore, limit) =>
      [...this.records.values()]
        .filter(({ result }) => result !== null && result.endedAt < endedBefore)
        .slice(0, limit),
    adopt: async ({ id, sessionId }, hostId) => {
      const op = this.records.get(id);
      if (op?.sessionId !== sessionId || op.state !== 'running') return null;
      this.records.set(id, { ...op, hostId });
      const deltas = this.told('sandbox.command.output.delta').filter(({ opId }) => opId === id);
      const bytesOf = (of: string) =>
        deltas
          .filter(({ stream }) => stream === of)
          .reduce((sum, { chunk }) => sum + Buffer.byteLength(String(chunk)), 0);
      return {
        stdoutBytes: bytesOf('stdout'),
        stderrBytes: bytesOf('stderr'),
        nextSeq: deltas.length,
        elided: this.told('output.elided').some(({ opId }) => opId === id),
      };
    },
    remove: async (ops) => {
      for (const { id } of ops) this.records.delete(id);
    },
  };

  journal(groupId: string): ChangeJournal {
    return {
      groupId,
      revision: async () => this.revision,
      record: async (events) => this.#log({ groupId }, events, { leaseEpoch: 1, mutates: true }),
    };
  }

  /** The data of every logged event of a type, in order. */
  told(type: string): Readonly<Record<string, unknown>>[] {
    return this.logged.filter((event) => event.type === type).map(({ data }) => data);
  }

  #log(audience: EventAudience, events: readonly NewEvent[], options: AppendOptions): number {
    if (options.mutates) this.revision += 1;
    for (const event of events) {
      this.logged.push({
        // What cannot be stored as JSON must not get here.
        ...structuredClone(event),
        sessionId: 'sessionId' in audience ? audience.sessionId : audience.groupId,
        seq: this.logged.length + 1,
        at: new Date(),
        revision: this.revision,
        leaseEpoch: options.leaseEpoch,
      });
    }
    return this.revision;
  }
}
