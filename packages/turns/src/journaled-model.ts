// Every answer of the model is in the journal before the SDK sees it: what it begins because of it can then be told
// from what it never began.
import type { TurnUsage } from '@boxyard/sandbox-core';
import type { Model, ModelRequest, ModelResponse, StreamEvent } from '@openai/agents';

export interface ModelJournal {
  /** Before the model is asked. @throws when it may not be asked any more. */
  asking(request: ModelRequest): Promise<void>;
  answered(output: readonly unknown[], usage: Pick<TurnUsage, 'inputTokens' | 'outputTokens'>): Promise<void>;
  text(delta: string): void;
}

export class JournaledModel implements Model {
  readonly #inner: Model;
  readonly #journal: ModelJournal;

  constructor(inner: Model, journal: ModelJournal) {
    this.#inner = inner;
    this.#journal = journal;
  }

  async getResponse(request: ModelRequest): Promise<ModelResponse> {
    await this.#journal.asking(request);
    const response = await this.#inner.getResponse(request);
    await this.#journal.answered(response.output, response.usage);
    return response;
  }

  async *getStreamedResponse(request: ModelRequest): AsyncIterable<StreamEvent> {
    await this.#journal.asking(request);
    for await (const event of this.#inner.getStreamedResponse(request)) {
      if (event.type === 'output_text_delta') this.#journal.text(event.delta);
      if (event.type === 'response_done') {
        const { output, usage } = event.response;
        await this.#journal.answered(output, usage);
      }
      yield event;
    }
  }
}

/**
 * The SDK chooses the form of its tools by the name of the model's class: without these words it would offer hosted
 * tools, which Chat Completions does not have.
 */
export class JournaledChatCompletionsModel extends JournaledModel {}
