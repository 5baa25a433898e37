// What one attempt writes down, and what it tells people at the same time.
import { isDeepStrictEqual } from 'node:util';
import {
  type JournalRecord,
  SandboxError,
  type TurnError,
  type TurnRecord,
  type TurnUsage,
} from '@boxyard/sandbox-core';
import type { AgentInputItem } from '@openai/agents';
import {
  answeredCall,
  callEntry,
  callsIn,
  type OpenCall,
  openCalls,
  responseEntry,
  resultEntry,
  resultItem,
} from './journal-items.ts';
import type { ModelJournal } from './journaled-model.ts';
import type { ToolJournal } from './journaled-tools.ts';
import { type SteeredMessages, steered } from './steering.ts';
import type { TurnAttempt } from './turn-attempt.ts';
import type { StoredRecord, TurnEvents } from './turn-events.ts';

export interface TurnJournalOptions {
  readonly attempt: TurnAttempt;
  readonly turn: TurnRecord;
  readonly events: TurnEvents;
  readonly maxModelCalls: number;
  /** Why the model may not be asked any more, whoever asks; null while it may. */
  readonly overBudget: () => Promise<TurnError | null>;
  /** What the model may read of what a tool said. */
  readonly shown: (output: string) => string;
}

export class TurnJournal implements ModelJournal, ToolJournal {
  readonly turnId: string;
  readonly approvals: readonly string[];
  /** Called when results are safe: what they were read from may go. */
  onStored: () => Promise<void> = async () => {};
  /** What came while the present run of the SDK worked. */
  said: SteeredMessages = [];
  readonly #options: TurnJournalOptions;
  /** Calls of the model whose result has no entry yet, by id. */
  readonly #open = new Map<string, OpenCall>();
  readonly #running = new Set<Promise<unknown>>();
  #usage: TurnUsage;
  #limit: TurnError | null = null;
  /** What the record is just saying, so that the next question need not ask it again. */
  #next: { readonly stored: Promise<StoredRecord>; readonly budget: Promise<TurnError | null> } | null = null;
  #tidying: Promise<void> = Promise.resolve();

  constructor(options: TurnJournalOptions) {
    this.#options = options;
    this.turnId = options.turn.id;
    this.approvals = options.turn.approvals;
    this.#usage = options.turn.usage;
  }

  get usage(): TurnUsage {
    return this.#usage;
  }

  /** Set when the model may not be asked any more. */
  get limit(): TurnError | null {
    return this.#limit;
  }

  /** Calls that former attempts left without a result. */
  async load(): Promise<{
    readonly journal: readonly JournalRecord[];
    readonly open: readonly OpenCall[];
  }> {
    const journal = await this.#options.attempt.write((store, { sessionId }) => store.journal(sessionId));
    const open = openCalls(journal);
    for (const call of open) this.#open.set(call.callId, call);
    return { journal, open };
  }

  async asking(input: readonly AgentInputItem[]): Promise<AgentInputItem[]> {
    const { maxModelCalls, attempt, events, overBudget } = this.#options;
    attempt.stopped.throwIfAborted();
    for (const text of await this.takeMessages()) this.said.push({ behind: input.length, text });
    this.#recordResults(input);
    // Nothing is asked on the ground of what might be lost.
    await events.stored();
    const budget = this.#next?.budget ?? null;
    this.#next = null;
    this.#limit =
      this.#usage.modelCalls < maxModelCalls
        ? await (budget ?? overBudget())
        : questionsUsedUp(maxModelCalls);
    if (this.#limit === null) return steered(input, this.said);
    throw new SandboxError('denied', this.#limit.message, { started: 'no', stage: 'turn' });
  }

  /** Stored at the latest with the call that it makes, and before anything is begun because of it. */
  answered(
    output: readonly unknown[],
    { inputTokens, outputTokens }: Pick<TurnUsage, 'inputTokens' | 'outputTokens'>,
  ): void {
    this.#usage = {
      modelCalls: this.#usage.modelCalls + 1,
      inputTokens: this.#usage.inputTokens + inputTokens,
      outputTokens: this.#usage.outputTokens + outputTokens,
    };
    const entry = responseEntry(output, { inputTokens, outputTokens });
    this.#options.events.recordSoon([entry], this.#usage);
    for (const call of callsIn(output)) this.#open.set(call.callId, call);
  }

  text(delta: string): void {
    this.#options.events.text(delta, this.#nextAnswer);
  }

  brokeOff(reason: string): void {
    this.#options.events.brokeOff(this.#nextAnswer, reason);
  }

  /** A worker that died, or let go, may have told of an answer that is in no journal. */
  async takeBack(reason: string): Promise<void> {
    const { attempt, events } = this.#options;
    const answer = await attempt.write((store, key) => store.brokenAnswer(key));
    if (answer !== null) events.superseded(answer, reason);
  }

  /** The number of the answer that is not in the journal yet. */
  get #nextAnswer(): number {
    return this.#usage.modelCalls + 1;
  }

  async began(callId: string, tool: string, given: string, opId: string): Promise<void> {
    const { attempt, events } = this.#options;
    attempt.stopped.throwIfAborted();
    this.#next = null;
    events.callStarted(callId, tool, given);
    await events.record([callEntry(callId, tool, opId)]);
    const call = this.#open.get(callId);
    if (call !== undefined) this.#open.set(callId, { ...call, opId });
  }

  ended(callId: string, tool: string, output: string, item: AgentInputItem | null): void {
    const { attempt, events } = this.#options;
    const goesOn = attempt.stopped.aborted && !attempt.ended.aborted;
    // Nobody looked at the command any more: whoever goes on with the turn finds its true result.
    if (goesOn && tool === 'exec_command') attempt.stopped.throwIfAborted();
    this.#next = null;
    events.callCompleted(callId, tool, output);
    if (item === null) return;
    this.#next = { stored: this.#recordResult(callId, item), budget: this.#lookAtBudget() };
  }

  /** What a run begins with: everything that was said in the session, new messages among it. */
  async loadWithMessages(): Promise<readonly JournalRecord[]> {
    const budget = this.#lookAtBudget();
    this.#next = null;
    await this.takeMessages();
    const { journal } = await this.load();
    this.#next = { stored: Promise.resolve({ hasMessages: false }), budget };
    return journal;
  }

  /** Beside a write instead of behind it; who asks the model hears when it fails. */
  #lookAtBudget(): Promise<TurnError | null> {
    const budget = this.#options.overBudget();
    budget.catch(() => undefined);
    return budget;
  }

  /** For the next question; the record is asked unless it said just now that there are none. */
  async takeMessages(): Promise<readonly string[]> {
    const said = await this.#next?.stored;
    if (said?.hasMessages === false) return [];
    return this.#options.attempt.write((store, key) => store.takeMessages(key));
  }

  patchCall(operation: unknown): string | null {
    for (const { callId, kind, opId, operation: wanted } of this.#open.values()) {
      const isIt = kind === 'apply_patch_call' && opId === null && isDeepStrictEqual(wanted, operation);
      if (isIt) return callId;
    }
    return null;
  }

  shown(output: string): string {
    return this.#options.shown(output);
  }

  async during<T>(work: () => Promise<T>): Promise<T> {
    const running = work();
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  /** Resolves when no tool is at work any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running);
  }

  /** Resolves when what was stored is cleared away in the box. */
  tidied(): Promise<void> {
    return this.#tidying;
  }

  /** The model is asked again when it is stored; what the SDK makes of it until then need not wait. */
  #recordResult(callId: string, item: AgentInputItem): Promise<StoredRecord> {
    this.#open.delete(callId);
    const stored = this.#options.events.record([resultEntry(callId, item)]);
    // The model is not kept waiting for this at all.
    this.#tidying = Promise.all([stored, this.#tidying])
      .then(() => this.onStored())
      .catch(() => undefined);
    return stored;
  }

  /** A call of a former attempt, with what became of it. */
  async settle(call: OpenCall, said: string): Promise<void> {
    const output = this.shown(said);
    const item = resultItem(call, output, call.opId === null ? 'incomplete' : 'completed');
    const { events } = this.#options;
    // What never began is nothing that people saw.
    if (call.opId !== null) events.callCompleted(call.callId, call.tool, output);
    await this.#recordResult(call.callId, item);
  }

  /** What the SDK made of calls is in its next question: a refusal by a person, and what is more than text. */
  #recordResults(input: readonly AgentInputItem[]): void {
    for (const item of input) {
      const callId = answeredCall(item);
      // Who waits for everything to be stored hears of a failure.
      if (callId !== null && this.#open.has(callId)) this.#recordResult(callId, item).catch(() => undefined);
    }
  }
}

const questionsUsedUp = (maxModelCalls: number): TurnError => ({
  code: 'max-model-calls',
  message: `The turn has asked the model ${maxModelCalls} times, which is all it may. Say what is left to do in another message.`,
});
