import { type MachineLiveness, machineLiveness, type RegisteredMachine } from '@boxyard/sandbox-core';

/**
 * What a ping came to. `unconnected`: the bus says that nobody listens there; `silent`: no answer in time, and the
 * machine may be there all the same.
 */
export type PingOutcome = 'answered' | 'unconnected' | 'silent';

/** Asks one machine whether it is there. Never throws, and ends with the signal. */
export type PingMachine = (
  machine: { readonly workspaceId: string; readonly agentId: string; readonly instance: string | null },
  signal: AbortSignal,
) => Promise<PingOutcome>;

/**
 * A machine is connected again within seconds when its link was cut. One that the bus does not know and that has
 * missed two heartbeats was ended: it would have said hello by now.
 */
const UNCONNECTED_MS = 10_000;

/** Whether the machine is there, by what is on record and one ping. `silentMs` counts, not the clock of this host. */
export function judgeSighting(machine: RegisteredMachine, ping: PingOutcome): MachineLiveness {
  const { enrollment, silentMs, saidGoodbye } = machine;
  const ended = ping === 'unconnected' && silentMs !== null && silentMs > UNCONNECTED_MS;
  return machineLiveness(
    {
      enrollment: enrollment.state,
      pingAnswered: ping === 'answered',
      lastSeenAt: silentMs === null ? null : new Date(-silentMs),
      saidGoodbye: saidGoodbye || ended,
    },
    new Date(0),
  );
}
