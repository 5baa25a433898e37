// The events of one streamed answer, as the Responses protocol orders them.
import { randomUUID } from 'node:crypto';
import type { ScriptedItem } from './script.ts';

type SpokenItem = Extract<ScriptedItem, { kind: 'text' | 'call' | 'patch' }>;
type OutputItem = Readonly<Record<string, unknown>>;

/** An event of the stream without its place in it. */
export type ResponseEvent = Readonly<Record<string, unknown>> & { readonly type: string };

const CHUNK_LENGTH = 16;
/** A rule of thumb that is good enough for a model that counts nothing. */
const CHARACTERS_PER_TOKEN = 4;

/** An answer while it is spoken. */
export class ResponseInProgress {
  readonly #id = `resp_${randomUUID().replaceAll('-', '')}`;
  readonly #createdAt = Math.floor(Date.now() / 1000);
  readonly #model: string;
  readonly #inputLength: number;
  readonly #output: OutputItem[] = [];
  #outputLength = 0;

  constructor(model: string, inputLength: number) {
    this.#model = model;
    this.#inputLength = inputLength;
  }

  begin(): readonly ResponseEvent[] {
    const response = this.#response('in_progress');
    return [
      { type: 'response.created', response },
      { type: 'response.in_progress', response },
    ];
  }

  /** The events of one item, whose parts come in the order in which a model would say them. */
  *say(item: SpokenItem): Generator<ResponseEvent, void, void> {
    const output_index = this.#output.length;
    const done = outputItem(item);
    const item_id = done.id as string;
    const added = { ...done, status: 'in_progress', ...(item.kind === 'text' ? { content: [] } : {}) };
    yield { type: 'response.output_item.added', output_index, item: added };
    if (item.kind === 'text') {
      const at = { item_id, output_index, content_index: 0 };
      const part = { type: 'output_text', text: '', annotations: [] };
      yield { type: 'response.content_part.added', ...at, part };
      for (const delta of chunksOf(item.text, item.chunkLength ?? CHUNK_LENGTH)) {
        this.#outputLength += delta.length;
        yield { type: 'response.output_text.delta', ...at, delta, logprobs: [] };
      }
      yield { type: 'response.output_text.done', ...at, text: item.text, logprobs: [] };
      yield { type: 'response.content_part.done', ...at, part: { ...part, text: item.text } };
    }
    if (item.kind === 'call') {
      const at = { item_id, output_index };
      const text = done.arguments as string;
      this.#outputLength += text.length;
      yield { type: 'response.function_call_arguments.delta', ...at, delta: text };
      yield { type: 'response.function_call_arguments.done', ...at, arguments: text, name: item.name };
    }
    this.#output.push(done);
    yield { type: 'response.output_item.done', output_index, item: done };
  }

  end(): ResponseEvent {
    return { type: 'response.completed', response: this.completed() };
  }

  /** The whole answer, as a request without streaming gets it. */
  completed(): OutputItem {
    return this.#response('completed');
  }

  #response(status: 'in_progress' | 'completed'): OutputItem {
    const input_tokens = Math.ceil(this.#inputLength / CHARACTERS_PER_TOKEN);
    const output_tokens = Math.ceil(this.#outputLength / CHARACTERS_PER_TOKEN);
    const usage = {
      input_tokens,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: input_tokens + output_tokens,
    };
    return {
      id: this.#id,
      object: 'response',
      created_at: this.#createdAt,
      status,
      error: null,
      incomplete_details: null,
      instructions: null,
      metadata: {},
      model: this.#model,
      output: status === 'completed' ? this.#output : [],
      parallel_tool_calls: true,
      temperature: 1,
      tool_choice: 'auto',
      tools: [],
      top_p: 1,
      usage: status === 'completed' ? usage : null,
    };
  }
}

function outputItem(item: SpokenItem): OutputItem {
  const unique = randomUUID().replaceAll('-', '');
  const call_id = 'callId' in item && item.callId !== undefined ? item.callId : `call_${unique}`;
  switch (item.kind) {
    case 'text':
      return {
        id: `msg_${unique}`,
        type: 'message',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text: item.text, annotations: [], logprobs: [] }],
      };
    case 'call':
      return {
        id: `fc_${unique}`,
        type: 'function_call',
        status: 'completed',
        call_id,
        name: item.name,
        arguments: JSON.stringify(item.arguments),
      };
    case 'patch':
      return {
        id: `apc_${unique}`,
        type: 'apply_patch_call',
        status: 'completed',
        call_id,
        operation: item.operation,
      };
  }
}

function* chunksOf(text: string, length: number): Generator<string, void, void> {
  // By code point: a delta that ends within one would not be text.
  const points = [...text];
  for (let at = 0; at < points.length; at += length) yield points.slice(at, at + length).join('');
}
