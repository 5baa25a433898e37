// What keeps a box says so again and again, and is forgotten when it goes silent.
import { VIEWER_HEARTBEAT_INTERVAL_MS } from '@boxyard/contracts';
import { durationMs } from './value-kinds.ts';

const SECOND = 1000;

/** See `SETTINGS`, which holds them. */
export const HOLDER_SETTINGS = {
  requestHeartbeatMs: holderTime('REQUEST', 'HEARTBEAT', 30 * SECOND, 'requests'),
  requestTtlMs: holderTime('REQUEST', 'TTL', 90 * SECOND, 'requests'),
  turnHeartbeatMs: holderTime('TURN', 'HEARTBEAT', 5 * SECOND, 'turns of an agent'),
  turnTtlMs: holderTime('TURN', 'TTL', 20 * SECOND, 'turns of an agent'),
  processHeartbeatMs: holderTime('PROCESS', 'HEARTBEAT', 30 * SECOND, 'running commands'),
  processTtlMs: holderTime('PROCESS', 'TTL', 90 * SECOND, 'running commands'),
  viewerHeartbeatMs: holderTime('VIEWER', 'HEARTBEAT', VIEWER_HEARTBEAT_INTERVAL_MS, 'viewers'),
  viewerTtlMs: holderTime('VIEWER', 'TTL', 90 * SECOND, 'viewers'),
  requestLingerMs: {
    name: 'BOXYARD_REQUEST_LINGER_MS',
    schema: durationMs(0),
    default: String(5 * SECOND),
    unit: 'ms',
    group: 'Holders',
    description: 'How long a server keeps holding a box after its last request to it.',
  },
} as const;

function holderTime<Kind extends string, What extends 'HEARTBEAT' | 'TTL'>(
  kind: Kind,
  what: What,
  ms: number,
  holders: string,
) {
  return {
    name: `BOXYARD_${kind}_${what}_MS` as const,
    schema: durationMs(1),
    default: String(ms),
    unit: 'ms',
    group: 'Holders',
    description:
      what === 'TTL'
        ? `How long ${holders} that went silent still keep a box.`
        : `How often ${holders} say that they still need their box.`,
  } as const;
}
