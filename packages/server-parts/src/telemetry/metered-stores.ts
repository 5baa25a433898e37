// The same stores; what goes through them is counted.
import type { EventLog, OpStore } from '@boxyard/sandbox-core';
import type { Meters } from './meters.ts';

export function meteredEventLog(log: EventLog, meters: Meters): EventLog {
  return {
    append: async (audience, events, options) => {
      const revision = await log.append(audience, events, options);
      meters.count('boxyard_events_appended_total', {}, events.length);
      return revision;
    },
    revision: (groupId) => log.revision(groupId),
    read: (sessionId, query) => log.read(sessionId, query),
    subscribe: (sessionId, onAppended) => log.subscribe(sessionId, onAppended),
    trim: (olderThan, limit) => log.trim(olderThan, limit),
  };
}

export function meteredOpStore(store: OpStore, meters: Meters): OpStore {
  return {
    start: async (op, events, audit) => {
      const started = await store.start(op, events, audit);
      if (started.created) {
        meters.count('boxyard_ops_started_total');
        meters.count('boxyard_events_appended_total', {}, events.length);
      }
      return started;
    },
    finish: async (op, state, result, events) => {
      const finished = await store.finish(op, state, result, events);
      const lost = result.neverStarted ? 'not-started' : 'unknown';
      meters.count('boxyard_ops_ended_total', { outcome: state === 'ended' ? 'done' : lost });
      meters.count('boxyard_events_appended_total', {}, events.length);
      if (state === 'ended') meters.observe('boxyard_op_duration_seconds', result.wallTimeMs / 1000);
      return finished;
    },
    get: (sessionId, opId) => store.get(sessionId, opId),
    list: (sessionId) => store.list(sessionId),
    running: (limit, adoptableBy) => store.running(limit, adoptableBy),
    expired: (endedBefore, limit) => store.expired(endedBefore, limit),
    adopt: (op, hostId, options) => store.adopt(op, hostId, options),
    remove: (ops) => store.remove(ops),
  };
}
