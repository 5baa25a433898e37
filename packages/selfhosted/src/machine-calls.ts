// Requests to one machine, repeated where that is safe. An agent that offers a whole box remembers its replies, so a
// request of ours may be sent again with its id; of an older agent only what reads may.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type MachineAddress, machineSubjects } from '@boxyard/agent-proto';
import {
  type AgentError,
  ControlRequestSchema,
  type ControlResponse,
  ErrorCode,
} from '@boxyard/agent-proto/messages';
import { SandboxError, type SessionFence } from '@boxyard/sandbox-core';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { ControlRpc } from './control-rpc.ts';
import { MachineFailure, sandboxErrorOf } from './machine-failure.ts';
import type { MachineTimings } from './machine-timings.ts';
import { protocolAgentError } from './wire-answers.ts';

type RequestInit = Exclude<MessageInitShape<typeof ControlRequestSchema>, { readonly $typeName: string }>;
export type AskedOp = NonNullable<RequestInit['op']>;
export type AskedCase = NonNullable<AskedOp['case']>;
type Results = ControlResponse['result'];
type ResultCase<Case extends AskedCase> = Case extends 'opCancel' | 'opQuery' | 'opAttach'
  ? 'opStatus'
  : Case;
export type ResultOf<Case extends AskedCase> =
  Extract<Results, { case: ResultCase<Case> }> extends { value: infer Value } ? Value : never;

export interface AskOptions {
  /** Begins the message of an error. */
  readonly what: string;
  readonly signal: AbortSignal;
  /** Whether it could change something: then no answer means that nobody knows. */
  readonly changes?: boolean | undefined;
  /** Drawn when absent. */
  readonly requestId?: string | undefined;
  readonly fence?: SessionFence | undefined;
  /** How much longer than usual the machine may take for this one. */
  readonly extraMs?: number | undefined;
}

export interface MachineCallsOptions {
  readonly rpc: ControlRpc;
  readonly machine: MachineAddress;
  readonly timings: MachineTimings;
}

/** Asked again once without an answer, whatever the agent remembers: they only look. */
const LOOKS: ReadonlySet<AskedCase> = new Set([
  'ping',
  'metrics',
  'fsStat',
  'fsList',
  'fsRead',
  'fsVersion',
  'describe',
]);
/** Have an id or a number of their own by which a repetition is known. */
const REPEATABLE: ReadonlySet<AskedCase> = new Set([
  'opStart',
  'opQuery',
  'opAttach',
  'opCancel',
  'writeChunk',
]);
const NEVER_SENT_TRIES = 3;
const DRAINING_TRIES = 3;
const DRAINING_EXEC_TRIES = 10;
/** How long what was given up is asked to end, by an answer that nobody waits for. */
const GIVE_UP_MS = 60_000;

export class MachineCalls {
  readonly machine: MachineAddress;
  readonly timings: MachineTimings;
  readonly #rpc: ControlRpc;
  readonly #subject: string;
  #remembers = false;
  #process = '';

  constructor({ rpc, machine, timings }: MachineCallsOptions) {
    this.machine = machine;
    this.timings = timings;
    this.#rpc = rpc;
    this.#subject = machineSubjects(machine).rpc;
  }

  /** The agent remembers its replies, and this is what it calls its process. */
  knows(process: string): void {
    this.#remembers = true;
    this.#process = process;
  }

  /** @throws SandboxError what the machine refuses, or that it could not be reached. */
  async ask<Op extends AskedOp>(op: Op, options: AskOptions): Promise<ResultOf<NonNullable<Op['case']>>> {
    const { what, signal, changes = false, requestId = randomUUID(), fence, extraMs = 0 } = options;
    const fenced = fence === undefined ? {} : { fenceScope: fence.sessionId, epoch: fence.activeEpoch };
    const begunAt = performance.now();
    let unanswered: AgentError | null = null;
    for (let tries = 1; ; tries++) {
      const repeats = tries > 1 && changes && this.#remembers;
      const onlyProcess = repeats && op.case !== 'opStart' ? this.#process : '';
      const request = wellFormed(what, { requestId, ...fenced, onlyProcess, op });
      const timeoutMs = this.timings.requestMs + extraMs;
      const asked = this.#rpc.request(this.#subject, request, { timeoutMs, signal });
      const response = await asked.catch((error: unknown) => {
        throw signal.aborted ? givenUp(what, signal) : error;
      });
      if (response.process !== '') this.#process = response.process;
      const { result } = response;
      const error =
        response.error ??
        (result.case === resultCase(op.case)
          ? null
          : protocolAgentError('The machine answered with nothing.'));
      if (error === null) return result.value as ResultOf<NonNullable<Op['case']>>;
      const failure = new MachineFailure(error);
      const awayMs = performance.now() - begunAt;
      if (!this.#mayRepeat(op, failure, tries, awayMs)) {
        // That nobody has heard the last try says nothing of those before it.
        throw sandboxErrorOf(failure.agentOffline && unanswered !== null ? unanswered : error, what, changes);
      }
      if (failure.code === ErrorCode.TIMEOUT) unanswered = error;
      await sleep(this.#pauseMs(tries), undefined, { signal }).catch(() => undefined);
      if (signal.aborted) throw givenUp(what, signal);
    }
  }

  /** Ends an op that nobody wants any more, and has the machine forget it. What is not heard of there goes with time. */
  giveUp(opId: string, what: string): void {
    const op = { case: 'opCancel', value: { opId, forget: true } } as const;
    this.ask(op, { what, signal: AbortSignal.timeout(GIVE_UP_MS) }).catch(() => undefined);
  }

  #mayRepeat(op: AskedOp, failure: MachineFailure, tries: number, awayMs: number): boolean {
    if (failure.neverSent) return tries <= NEVER_SENT_TRIES;
    if (failure.draining) return tries <= (runs(op) ? DRAINING_EXEC_TRIES : DRAINING_TRIES);
    if (failure.code !== ErrorCode.TIMEOUT || op.case === undefined) return false;
    // What the machine itself has waited for in vain is an answer.
    if (failure.detail.box_code !== undefined) return false;
    if (this.#remembers || REPEATABLE.has(op.case)) return awayMs < this.timings.awayMs;
    return LOOKS.has(op.case) && tries === 1;
  }

  /** Full jitter, so that many who wait for one machine do not come back together. */
  #pauseMs(tries: number): number {
    const { pauseMs, longestPauseMs } = this.timings;
    return Math.random() * Math.min(longestPauseMs, pauseMs * 2 ** (tries - 1));
  }
}

const runs = (op: AskedOp) => op.case === 'exec' || (op.case === 'opStart' && op.value.op?.case === 'exec');

const resultCase = (asked: AskedOp['case']): Results['case'] =>
  asked === 'opCancel' || asked === 'opQuery' || asked === 'opAttach'
    ? 'opStatus'
    : (asked as Results['case']);

/** The bus would refuse it later, with less to say. @throws SandboxError `invalid` for text that is no Unicode. */
function wellFormed(what: string, init: RequestInit) {
  try {
    return create(ControlRequestSchema, init);
  } catch (cause) {
    throw new SandboxError('invalid', `${what} was refused: what is asked for cannot be sent. Correct it.`, {
      cause,
      started: 'no',
    });
  }
}

function givenUp(what: string, signal: AbortSignal): SandboxError {
  if (SandboxError.isInstance(signal.reason)) return signal.reason;
  return new SandboxError('cancelled', `${what} was given up. Look at the result before you repeat it.`, {
    cause: signal.reason,
  });
}
