// The SDK's run, begun and begun again until the turn has nothing left to do or waits for a person.
import { type AgentsSession, agentsRunConfig } from '@boxyard/agents-bridge';
import type { ApprovalRecord, ClaimedTurn, TurnStore } from '@boxyard/sandbox-core';
import { type AgentInputItem, Runner, RunState, type RunToolApprovalItem } from '@openai/agents';
import type { SandboxAgent } from '@openai/agents/sandbox';
import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';
import { conversationOf } from './journal-items.ts';
import { settleCall } from './settle-call.ts';
import { SteeredMessages } from './steering.ts';
import type { TurnAttempt } from './turn-attempt.ts';
import type { TurnEvents } from './turn-events.ts';
import type { TurnJournal } from './turn-journal.ts';

export interface AgentLoopParts {
  readonly claimed: ClaimedTurn;
  readonly turns: TurnStore;
  readonly attempt: TurnAttempt;
  readonly session: AgentsSession;
  readonly journal: TurnJournal;
  readonly events: TurnEvents;
  readonly agent: SandboxAgent;
  readonly resumeWaitMs: number;
}

/** A run of the SDK that waits, with what its own state does not know. */
const Waiting = z.object({ state: z.string(), said: SteeredMessages });

interface Begin {
  readonly input: AgentInputItem[] | RunState<undefined, SandboxAgent>;
  readonly said: SteeredMessages;
}

/** @throws what ended it: the attempt's reason to stop, or what the model or the record threw. */
export async function runAgent(parts: AgentLoopParts): Promise<'done' | 'waiting'> {
  const { claimed, attempt, session, agent, journal, events } = parts;
  const runner = new Runner({ tracingDisabled: true });
  const { open } = await journal.load();
  let begin = claimed.runState === null ? null : await decided(parts, claimed.runState);
  if (begin === null) {
    for (const call of open) {
      attempt.stopped.throwIfAborted();
      await journal.settle(call, await settleCall(session, call, parts.resumeWaitMs));
    }
  }
  for (;;) {
    begin ??= { input: conversationOf(await journal.loadWithMessages()), said: [] };
    journal.said = begin.said;
    const run = await runner.run(agent, begin.input, {
      stream: true,
      maxTurns: null,
      signal: attempt.stopped,
      sandbox: agentsRunConfig(session),
    });
    for await (const _ of run);
    await run.completed;
    if (run.error !== null && run.error !== undefined) throw run.error;
    attempt.stopped.throwIfAborted();
    if (run.interruptions.length > 0) {
      await park(parts, { state: run.state.toString(), said: begin.said }, run.interruptions);
      return 'waiting';
    }
    await events.flush();
    // A message that came with the last answer: the turn goes on with it.
    const { hasMessages } = await attempt.write((store, key) => store.beat(key));
    if (!hasMessages) return 'done';
    begin = null;
  }
}

/** The run that waited, with what people decided. */
async function decided({ claimed, turns, agent }: AgentLoopParts, stored: string): Promise<Begin> {
  const { state, said } = Waiting.parse(JSON.parse(stored));
  const input = await RunState.fromString<undefined, SandboxAgent>(agent, state);
  const approvals = await turns.approvals(claimed.turn.id);
  for (const waiting of input.getInterruptions()) {
    const callId = callIdOf(waiting);
    const isApproved = approvals.some((one) => one.callId === callId && one.decision === 'approved');
    if (isApproved) input.approve(waiting);
    else input.reject(waiting);
  }
  return { input, said };
}

async function park(
  { attempt, events }: AgentLoopParts,
  waiting: z.infer<typeof Waiting>,
  interruptions: readonly RunToolApprovalItem[],
): Promise<void> {
  const approvals = interruptions.map(
    (item): Pick<ApprovalRecord, 'id' | 'callId' | 'tool' | 'arguments'> => ({
      id: uuidv7(),
      callId: callIdOf(item),
      tool: item.name ?? item.rawItem.type ?? '',
      // People decide by what they see; the call itself is in the state.
      arguments: events.redact(
        item.arguments ?? JSON.stringify(Reflect.get(item.rawItem, 'operation') ?? {}),
      ),
    }),
  );
  const told = approvals.map(({ id, ...call }) =>
    events.event('approval.requested', { approvalId: id, ...call }),
  );
  await events.flush();
  await attempt.write((store, key) => store.park(key, JSON.stringify(waiting), approvals, told));
}

const callIdOf = ({ rawItem }: RunToolApprovalItem): string =>
  z.object({ callId: z.string() }).parse(rawItem).callId;
