// Settings of the agent: which model it asks, and what a turn may take.
import { choice, durationMs, folder, url, wholeNumber, word } from './value-kinds.ts';

const MINUTE = 60 * 1000;
const HOUR = 60 * MINUTE;

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
  modelTries: {
    name: 'BOXYARD_MODEL_TRIES',
    schema: wholeNumber(1, 100),
    default: '5',
    unit: 'count',
    group: 'Agent',
    description:
      'How often one question is asked when the model refuses for now (429, 5xx) or its answer breaks off. Retry-After is kept.',
  },
  modelSilenceMs: {
    name: 'BOXYARD_MODEL_SILENCE_MS',
    schema: durationMs(1_000, HOUR),
    default: String(5 * MINUTE),
    unit: 'ms',
    group: 'Agent',
    description: 'After how long without a word an answer of the model counts as broken off.',
  },
  skillsDir: {
    name: 'BOXYARD_SKILLS_DIR',
    schema: folder(),
    default: null,
    unit: '',
    group: 'Agent',
    description:
      'A folder with a folder for each skill of the agent, SKILL.md in it. A skill comes into the box when the agent asks for it.',
  },
  turnConcurrency: {
    name: 'BOXYARD_TURN_CONCURRENCY',
    schema: wholeNumber(0, 1_000),
    default: '8',
    unit: 'count',
    group: 'Agent',
    description: 'How many turns one process runs at a time; others wait. 0 leaves them to workers.',
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
