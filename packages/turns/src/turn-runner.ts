/** One attempt to bring a turn to its end, or as far as a person has to decide, or until somebody else has it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type AgentsSession, toAgentsSession } from '@boxyard/agents-bridge';
import {
  type ClaimedTurn,
  SandboxError,
  type TurnError,
  type TurnStore,
  type UsageStore,
} from '@boxyard/sandbox-core';
import { runAgent } from './agent-loop.ts';
import { currentCallId, takeOpId } from './call-scope.ts';
import type { EndpointModel } from './endpoint-model.ts';
import { JournaledChatCompletionsModel, JournaledModel } from './journaled-model.ts';
import { readSkillFolder } from './skill-folder.ts';
import { turnAgent } from './turn-agent.ts';
import { TurnAttempt } from './turn-attempt.ts';
import { TurnBox, type TurnBoxes } from './turn-box.ts';
import { budgetError } from './turn-budget.ts';
import { TurnEvents } from './turn-events.ts';
import { TurnJournal } from './turn-journal.ts';
import type { TurnSettings } from './turn-settings.ts';

export interface TurnRunnerOptions {
  readonly turns: TurnStore;
  readonly boxes: TurnBoxes;
  readonly model: EndpointModel;
  /** A workspace whose budget is used up has its turns ended. */
  readonly usage: Pick<UsageStore, 'usedUp'>;
  /** What the agent is told beside the SDK's own words. */
  readonly instructions: string;
  readonly settings: TurnSettings;
  /** A folder of this machine with a folder for each skill; none when absent. Read anew for each turn. */
  readonly skillFolder?: string | null | undefined;
}

/** How long tools and the model get to notice that a turn is over; one that hangs does not hold it up. */
const STOP_WAIT_MS = 2_500;

interface Parts {
  readonly claimed: ClaimedTurn;
  readonly attempt: TurnAttempt;
  readonly session: AgentsSession;
  readonly journal: TurnJournal;
  readonly events: TurnEvents;
  readonly box: TurnBox;
}

export class TurnRunner {
  readonly #options: TurnRunnerOptions;

  constructor(options: TurnRunnerOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the turn has ended, waits for a person, or is somebody else's.
   *
   * @param draining When it aborts the turn is let go of, for another worker; what runs in the box goes on.
   * @throws what the record threw; the turn is taken up again once this attempt counts as dead.
   */
  async run(claimed: ClaimedTurn, draining: AbortSignal): Promise<void> {
    const { turns, boxes, model, usage, settings, skillFolder } = this.#options;
    const { turn, workedMs } = claimed;
    await using attempt = new TurnAttempt({
      store: turns,
      key: claimed.attempt,
      beatMs: settings.beatMs,
      ttlMs: settings.attemptTtlMs,
      budgetMs: (turn.limits.timeBudgetMs ?? settings.timeBudgetMs) - workedMs,
      draining,
    });
    await using box = await TurnBox.of(boxes, turn, attempt.stopped);
    const events = new TurnEvents({ attempt, redactors: () => [model.redactor, ...box.redactors] });
    const maxModelCalls = turn.limits.maxModelCalls ?? settings.maxModelCalls;
    const journal = new TurnJournal({
      attempt,
      turn,
      events,
      maxModelCalls,
      overBudget: () => budgetError(usage, turn.workspaceId),
      shown: (output) => box.withoutTokens(output),
    });
    const session = toAgentsSession(() => box.open(), {
      root: box.root,
      supportsPty: true,
      signal: attempt.ended,
      detach: attempt.stopped,
      commandId: takeOpId,
      news: () => box.news(),
      // Nothing else of this machine is the agent's to copy.
      localSources: skillFolder == null ? [] : [skillFolder],
      outputListener: () => {
        const callId = currentCallId();
        return callId === undefined ? undefined : (piece) => events.callOutput(callId, piece);
      },
    });
    journal.onStored = () => session.forgetEnded();
    const parts: Parts = { claimed, attempt, session, journal, events, box };
    try {
      events.tell('turn.started', { attempt: turn.attempt });
      // One that waited for a person had its answer whole.
      if (turn.attempt > 1 && claimed.runState === null) await journal.takeBack(ANOTHER_WORKER);
      const outcome = await untilStopped(attempt, journal, this.#work(parts));
      if (outcome === 'done') await this.#finish(parts, 'completed', null);
      else await this.#cancelParked(parts);
    } catch (error) {
      await this.#giveUp(parts, error);
    } finally {
      await session.close();
    }
  }

  async #work({ claimed, attempt, session, journal, events, box }: Parts): Promise<'done' | 'waiting'> {
    const { turns, model, instructions, settings, skillFolder } = this.#options;
    const skills = skillFolder == null ? null : await readSkillFolder(skillFolder);
    const Journaled = model.protocol === 'chat-completions' ? JournaledChatCompletionsModel : JournaledModel;
    const journaled = new Journaled(model.model, journal, settings.model);
    const outcome = await runAgent({
      claimed,
      turns,
      attempt,
      session,
      journal,
      events,
      agent: turnAgent({ model: journaled, instructions, journal, boxTools: box, skills }),
      resumeWaitMs: settings.resumeWaitMs,
    });
    await journal.tidied();
    return outcome;
  }

  async #giveUp(parts: Parts, error: unknown): Promise<void> {
    const { attempt, session, journal } = parts;
    switch (attempt.reason) {
      case 'lost':
        // Whoever has it now goes on; a record that did not answer is told to the worker.
        if (attempt.failure !== null && !SandboxError.hasCode(attempt.failure, 'fenced'))
          throw attempt.failure;
        // Or nobody has: a beat is fenced too that comes just behind our own letting wait for a person.
        return this.#cancelParked(parts);
      case 'drained':
        await parts.events.flush();
        return this.#options.turns.release(attempt.key);
      case 'cancelled':
        await endCommands(session);
        await this.#finish(parts, 'cancelled', null);
        return this.#cancelParked(parts);
      case 'overtime':
        await endCommands(session);
        return this.#finish(parts, 'failed', OVERTIME);
      default:
        return this.#finish(parts, 'failed', journal.limit ?? turnError(error));
    }
  }

  /** Somebody cancelled the turn while it was about to wait: nobody runs it now who would hear of that. */
  async #cancelParked({ claimed, journal }: Parts): Promise<void> {
    const { turns } = this.#options;
    const { id: turnId, workspaceId, sessionId } = claimed.turn;
    const turn = await turns.get(workspaceId, sessionId, turnId);
    if (turn?.status !== 'waiting' || !turn.cancelRequested) return;
    const end = { type: 'turn.cancelled', data: { usage: journal.usage } };
    await turns.cancel({ workspaceId, sessionId, turnId }, end);
  }

  async #finish(
    { attempt, events, journal }: Parts,
    status: 'completed' | 'failed' | 'cancelled',
    error: TurnError | null,
  ): Promise<void> {
    try {
      await events.flush();
      const told = error === null ? null : { ...error, message: events.redact(error.message) };
      const data = { usage: journal.usage, ...(told === null ? {} : { error: told }) };
      const end = [events.event(`turn.${status}`, data)];
      const outcome = await attempt.write((store, key) => store.finish(key, { status, error: told }, end));
      // A message came in the last moment: whoever takes the turn up next answers it.
      if (outcome === 'more-messages') await this.#options.turns.release(attempt.key);
    } catch (failure) {
      if (!SandboxError.hasCode(failure, 'fenced')) throw failure;
    }
  }
}

const ANOTHER_WORKER = 'Another worker goes on with the turn.';

const OVERTIME: TurnError = {
  code: 'time-budget',
  message: 'The turn took longer than it may. Say what is left to do in another message.',
};

/** What the turn still has running, also what no tool waits for. A box that does not answer has no say in the end. */
async function endCommands(session: AgentsSession): Promise<void> {
  await Promise.race([session.stop().catch(() => undefined), sleep(STOP_WAIT_MS, undefined, { ref: false })]);
}

function turnError(error: unknown): TurnError {
  if (SandboxError.isInstance(error)) return { code: error.code, message: error.message };
  const status = typeof error === 'object' && error !== null ? Reflect.get(error, 'status') : undefined;
  const message = error instanceof Error ? error.message : String(error);
  return typeof status === 'number'
    ? { code: 'model', message: `The model refused the question (${status}): ${message}` }
    : { code: 'model', message: `The run of the agent failed: ${message}` };
}

/** The work, or soon after the turn is to stop its end; what tools at work have to say by then is kept. */
async function untilStopped<T>({ stopped }: TurnAttempt, journal: TurnJournal, work: Promise<T>): Promise<T> {
  work.catch(() => undefined);
  const settled = work.then(
    () => true,
    () => true,
  );
  await Promise.race([
    settled,
    new Promise<void>((resolve) => {
      if (stopped.aborted) resolve();
      else stopped.addEventListener('abort', () => resolve(), { once: true });
    }),
  ]);
  if (!stopped.aborted) return work;
  // The SDK may give up before its tools have: their results are waited for too.
  const quiet = settled.then(() => journal.settled());
  const both = Promise.race([quiet, sleep(STOP_WAIT_MS, undefined, { ref: false })]);
  await both;
  stopped.throwIfAborted();
  return work;
}
