// Settings of the agent: which model it asks, and what a turn may take.
import { choice, durationMs, url, wholeNumber, word } from './value-kinds.ts';

const HOUR = 60 * 60 * 1000;

export const AGENT_SETTINGS = {
  modelBaseUrl: {
    name: 'BOXYARD_MODEL_BASE_URL',
    schema: url(['http', 'https']),
    default: null,
    unit: '',
    group: 'Agent',
    description:
      "Where the agent's model answers: any endpoint with an OpenAI protocol, mostly ending in /v1. Absent: there is no agent.",
  },
  model: {
    name: 'BOXYARD_MODEL',
    schema: word(1, 256),
    default: null,
    unit: '',
    group: 'Agent',
    description: 'The name of the model there.',
  },
  modelApiKey: {
    name: 'BOXYARD_MODEL_API_KEY',
    schema: word(1, 4096),
    default: null,
    unit: '',
    group: 'Agent',
    description: 'The key that the endpoint wants, when it wants one.',
    secret: true,
  },
  modelProtocol: {
    name: 'BOXYARD_MODEL_PROTOCOL',
    schema: choice(['responses', 'chat-completions']),
    default: 'responses',
    unit: '',
    group: 'Agent',
    description: 'What the endpoint speaks: responses or chat-completions.',
  },
  turnConcurrency: {
    name: 'BOXYARD_TURN_CONCURRENCY',
    schema: wholeNumber(1, 1_000),
    default: '8',
    unit: 'count',
    group: 'Agent',
    description: 'How many turns one server runs at a time; others wait.',
  },
  turnModelCalls: {
    name: 'BOXYARD_TURN_MODEL_CALLS',
    schema: wholeNumber(1, 10_000),
    default: '200',
    unit: 'count',
    group: 'Agent',
    description: 'How often one turn may ask the model, where the message says nothing.',
  },
  turnBudgetMs: {
    name: 'BOXYARD_TURN_BUDGET_MS',
    schema: durationMs(1_000),
    default: String(HOUR),
    unit: 'ms',
    group: 'Agent',
    description:
      'How long one turn may work, where the message says nothing. Waiting for a person does not count.',
  },
} as const;
