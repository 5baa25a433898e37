// Every answer of the model is in the journal before a tool begins because of it: what it began can then be told from
// what it never began. An answer that breaks off is in no journal, and is asked for again.
import { setTimeout as sleep } from 'node:timers/promises';
import { SandboxError, type TurnUsage } from '@boxyard/sandbox-core';
import type { AgentInputItem, Model, ModelRequest, ModelResponse, StreamEvent } from '@openai/agents';
import { type ModelPatience, waitBeforeNextTry } from './model-retry.ts';

export interface ModelJournal {
  /** Before the model is asked; answers what it is asked with. @throws when it may not be asked any more. */
  asking(input: readonly AgentInputItem[]): Promise<AgentInputItem[]>;
  /** Stored before anything is begun because of it, and before the model is asked again. */
  answered(output: readonly unknown[], usage: Pick<TurnUsage, 'inputTokens' | 'outputTokens'>): void;
  text(delta: string): void;
  /** What was told of this answer does not count: it is asked for again. */
  brokeOff(reason: string): void;
}

export class JournaledModel implements Model {
  readonly #inner: Model;
  readonly #journal: ModelJournal;
  readonly #patience: ModelPatience;

  constructor(inner: Model, journal: ModelJournal, patience: ModelPatience) {
    this.#inner = inner;
    this.#journal = journal;
    this.#patience = patience;
  }

  async getResponse(given: ModelRequest): Promise<ModelResponse> {
    const request = await this.#asking(given);
    for (let tried = 1; ; tried += 1) {
      let response: ModelResponse;
      try {
        response = await this.#inner.getResponse(askedByUs(request));
      } catch (error) {
        await this.#again(error, tried, request.signal);
        continue;
      }
      this.#journal.answered(response.output, response.usage);
      return response;
    }
  }

  async *getStreamedResponse(given: ModelRequest): AsyncIterable<StreamEvent> {
    const request = await this.#asking(given);
    for (let tried = 1; ; tried += 1) {
      const asked = new AskedOnce(this.#inner, request, this.#patience.silenceMs);
      try {
        for (;;) {
          const next = await asked.next();
          if (next instanceof BrokenOff) {
            await this.#again(next.reason, tried, request.signal);
            break;
          }
          if (next === null) return;
          if (next.type === 'output_text_delta') this.#journal.text(next.delta);
          if (next.type === 'response_done') {
            const { output, usage } = next.response;
            this.#journal.answered(output, usage);
          }
          yield next;
        }
      } finally {
        await asked.close();
      }
    }
  }

  async #asking(request: ModelRequest): Promise<ModelRequest> {
    const { input } = request;
    const items = typeof input === 'string' ? [{ role: 'user' as const, content: input }] : input;
    return { ...request, input: await this.#journal.asking(items) };
  }

  /** @throws the failure itself when the model is not asked again. */
  async #again(failure: unknown, tried: number, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) throw failure;
    const waitMs = waitBeforeNextTry(failure, tried, this.#patience);
    if (waitMs === null) throw failure;
    this.#journal.brokeOff(failure instanceof Error ? failure.message : String(failure));
    await sleep(waitMs, undefined, signal === undefined ? {} : { signal });
  }
}

/**
 * The SDK chooses the form of its tools by the name of the model's class: without these words it would offer hosted
 * tools, which Chat Completions does not have.
 */
export class JournaledChatCompletionsModel extends JournaledModel {}

/** Apart from what fails elsewhere: only this is a reason to ask again. */
class BrokenOff {
  readonly reason: unknown;
  constructor(reason: unknown) {
    this.reason = reason;
  }
}

/** One answer of the model, which must not fall silent before its end. */
class AskedOnce {
  readonly #events: AsyncIterator<StreamEvent>;
  readonly #silence = new AbortController();
  readonly #silenceMs: number;
  #isWhole = false;

  constructor(model: Model, request: ModelRequest, silenceMs: number) {
    this.#silenceMs = silenceMs;
    const signals = [this.#silence.signal, ...(request.signal === undefined ? [] : [request.signal])];
    const asked = { ...askedByUs(request), signal: AbortSignal.any(signals) };
    this.#events = model.getStreamedResponse(asked)[Symbol.asyncIterator]();
  }

  /** Null at the end of a whole answer. */
  async next(): Promise<StreamEvent | BrokenOff | null> {
    const timer = setTimeout(() => this.#silence.abort(fellSilent(this.#silenceMs)), this.#silenceMs);
    try {
      const { done, value } = await this.#events.next();
      if (done === true) return this.#isWhole ? null : new BrokenOff(endedEarly());
      if (value.type === 'response_done') this.#isWhole = true;
      return value;
    } catch (error) {
      return new BrokenOff(this.#silence.signal.aborted ? this.#silence.signal.reason : error);
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    await this.#events.return?.().catch(() => undefined);
  }
}

/**
 * The client below asks once: it does not know what was told of an answer that broke off. The mark is the one by which
 * the SDK says so itself; a client that does not know it retries beside us, which costs time and nothing else.
 */
function askedByUs(request: ModelRequest): ModelRequest {
  const known: unknown = Reflect.get(request, '_internal');
  const internal = typeof known === 'object' ? known : {};
  return Object.assign({}, request, { _internal: { ...internal, runnerManagedRetry: true } });
}

const fellSilent = (silenceMs: number) =>
  new SandboxError('timeout', `The model said nothing for ${silenceMs} ms. Ask again later.`, {
    stage: 'model',
  });

const endedEarly = () =>
  new SandboxError('unreachable', 'The answer of the model ended before it was whole. Ask again later.', {
    stage: 'model',
  });
