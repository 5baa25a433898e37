import { createRedactor, type Redactor } from '@boxyard/sandbox-core';
import { type Model, OpenAIProvider } from '@openai/agents';

/** Any endpoint that speaks one of OpenAI's protocols. */
export interface ModelEndpoint {
  readonly baseUrl: string;
  readonly model: string;
  /** Sent as a Bearer token; endpoints on one's own machine often want none. */
  readonly apiKey: string | null;
  readonly protocol: 'responses' | 'chat-completions';
}

/** A model of the SDK, and what it speaks. */
export interface EndpointModel {
  readonly model: Model;
  readonly protocol: ModelEndpoint['protocol'];
  /** Hides the key: endpoints repeat it in their refusals. */
  readonly redactor: Redactor;
}

/** Asks nothing yet. */
export async function endpointModel({
  baseUrl,
  model,
  apiKey,
  protocol,
}: ModelEndpoint): Promise<EndpointModel> {
  const provider = new OpenAIProvider({
    baseURL: baseUrl,
    // The client refuses to be made without one.
    apiKey: apiKey ?? 'none',
    useResponses: protocol === 'responses',
  });
  return {
    model: await provider.getModel(model),
    protocol,
    redactor: createRedactor(apiKey === null ? [] : [apiKey]),
  };
}
