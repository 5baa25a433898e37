import { randomInt } from 'node:crypto';
import { agentSubjects, decodeResponse, encodeRequest, machineSubjects } from '@boxyard/agent-proto';
import { ControlRequestSchema } from '@boxyard/agent-proto/messages';
import { create } from '@bufbuild/protobuf';
import { type NatsConnection, NoRespondersError, RequestError } from '@nats-io/transport-node';
import { v7 as uuidv7 } from 'uuid';
import type { PingMachine, PingOutcome } from './machine-sighting.ts';

/** No ping waits longer, whatever the signal says. */
const PING_MS = 5_000;
const DEFAULT_MAX_PAYLOAD = 1024 * 1024;

/** Pings over this connection; while there is none nobody answers. An answer with another nonce is none. */
export function pingOver(connection: () => NatsConnection | null): PingMachine {
  return async (machine, signal) => {
    const bus = connection();
    if (bus === null) return 'silent';
    const nonce = BigInt(randomInt(1, 2 ** 47));
    const request = create(ControlRequestSchema, {
      requestId: uuidv7(),
      op: { case: 'ping', value: { nonce } },
    });
    const { instance } = machine;
    const subject =
      instance === null ? machineSubjects(machine).rpc : agentSubjects({ ...machine, instance }).rpc;
    const asked = bus
      .request(subject, encodeRequest(request, bus.info?.max_payload ?? DEFAULT_MAX_PAYLOAD), {
        timeout: PING_MS,
      })
      .then(({ data }): PingOutcome => {
        const result = decodeResponse(data)?.result;
        return result?.case === 'ping' && result.value.nonce === nonce ? 'answered' : 'silent';
      }, outcomeOf);
    return until(asked, signal);
  };
}

function outcomeOf(error: unknown): PingOutcome {
  if (error instanceof NoRespondersError) return 'unconnected';
  if (error instanceof RequestError && error.isNoResponders()) return 'unconnected';
  // No answer in time, or our own connection is away: nothing is known of the machine.
  return 'silent';
}

function until(asked: Promise<PingOutcome>, signal: AbortSignal): Promise<PingOutcome> {
  return new Promise((resolve, reject) => {
    const stop = () => resolve('silent');
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    asked.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
