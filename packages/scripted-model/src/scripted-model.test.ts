import OpenAI from 'openai';
import { expect, test } from 'vitest';
import { type Script, type ScriptedRequest, startScriptedModel } from './index.ts';

/** The client that agents really use, without its own retries. */
const clientOf = (baseURL: string, apiKey = 'none') => new OpenAI({ baseURL, apiKey, maxRetries: 0 });

async function served<T>(script: Script, use: (client: OpenAI) => Promise<T>): Promise<T> {
  await using model = await startScriptedModel({ script });
  return await use(clientOf(model.baseUrl));
}

const TOOL = {
  type: 'function' as const,
  name: 'exec_command',
  parameters: { type: 'object', properties: { cmd: { type: 'string' } } },
  strict: false,
};

test('streams text in deltas that add up to it, also where a character takes two units', async () => {
  const text = 'Grüße an alle: 👋🏽 und so weiter, bis es mehr als ein Stück ist.';
  await served(
    () => [{ kind: 'text', text, chunkLength: 3 }],
    async (client) => {
      const deltas: string[] = [];
      const stream = client.responses.stream({ model: 'scripted', input: 'Hi' });
      stream.on('response.output_text.delta', ({ delta }) => deltas.push(delta));
      const final = await stream.finalResponse();
      expect(deltas.length).toBeGreaterThan(5);
      expect(deltas.join('')).toBe(text);
      expect(final.output_text).toBe(text);
      expect(final.usage?.output_tokens).toBeGreaterThan(0);
    },
  );
});

test('is told what the tools answered, and its place in the conversation', async () => {
  const seen: ScriptedRequest[] = [];
  const script: Script = (request) => {
    seen.push(request);
    if (request.step > 0) return [{ kind: 'text', text: `It said ${request.toolAnswers[0]?.text}.` }];
    return [
      { kind: 'call', name: 'exec_command', arguments: { cmd: 'true' }, callId: 'first' },
      { kind: 'call', name: 'exec_command', arguments: { cmd: 'false' }, callId: 'second' },
    ];
  };
  await served(script, async (client) => {
    const input: OpenAI.Responses.ResponseInput = [{ role: 'user', content: 'Go' }];
    const asked = await client.responses.create({
      model: 'scripted',
      input,
      tools: [TOOL],
      instructions: 'Be brief.',
    });
    for (const item of asked.output) if (item.type === 'function_call') input.push(item);
    input.push({ type: 'function_call_output', call_id: 'first', output: 'zero' });
    input.push({
      type: 'function_call_output',
      call_id: 'second',
      output: [
        { type: 'input_text', text: 'one' },
        { type: 'input_image', image_url: 'data:image/png;base64,AAAA', detail: 'auto' },
      ],
    });
    const final = await client.responses.create({ model: 'scripted', input, tools: [TOOL] });
    expect(final.output_text).toBe('It said zero.');
  });
  expect(seen.map(({ step }) => step)).toEqual([0, 1]);
  expect(seen[0]).toMatchObject({
    userMessages: ['Go'],
    tools: ['exec_command'],
    instructions: 'Be brief.',
    toolAnswers: [],
  });
  expect(seen[1]?.toolAnswers).toEqual([
    { callId: 'first', text: 'zero', images: [] },
    { callId: 'second', text: 'one', images: ['data:image/png;base64,AAAA'] },
  ]);
});

test('calls the hosted patch tool with its operation', async () => {
  const operation = { type: 'update_file' as const, path: 'a.txt', diff: '@@\n-a\n+b\n' };
  await served(
    () => [{ kind: 'patch', operation, callId: 'patch-1' }],
    async (client) => {
      const stream = client.responses.stream({ model: 'scripted', input: 'Go' });
      const [item] = (await stream.finalResponse()).output;
      expect(item).toMatchObject({ type: 'apply_patch_call', call_id: 'patch-1', operation });
    },
  );
});

test('refuses with a status and when to come back', async () => {
  await served(
    () => [{ kind: 'refuse', status: 429, message: 'Too many.', retryAfterS: 7 }],
    async (client) => {
      const refused = await client.responses
        .create({ model: 'scripted', input: 'Hi' })
        .catch((e: unknown) => e);
      expect(refused).toBeInstanceOf(OpenAI.RateLimitError);
      expect((refused as InstanceType<typeof OpenAI.APIError>).headers?.get('retry-after')).toBe('7');
    },
  );
});

test('cuts the connection after what was said so far', async () => {
  const script: Script = () => [{ kind: 'text', text: 'Half a' }, { kind: 'pause', ms: 5 }, { kind: 'cut' }];
  await served(script, async (client) => {
    const deltas: string[] = [];
    const read = async () => {
      const stream = await client.responses.create({ model: 'scripted', input: 'Hi', stream: true });
      for await (const event of stream) {
        if (event.type === 'response.output_text.delta') deltas.push(event.delta);
      }
    };
    await expect(read()).rejects.toThrow();
    expect(deltas.join('')).toBe('Half a');
  });
});

test('waits in the middle of an answer until it is let go on', async () => {
  const goOn = Promise.withResolvers<void>();
  const script: Script = () => [
    { kind: 'text', text: 'Half' },
    { kind: 'wait', until: goOn.promise },
    { kind: 'text', text: 'Whole' },
  ];
  await served(script, async (client) => {
    const deltas: string[] = [];
    const stream = await client.responses.create({ model: 'scripted', input: 'Hi', stream: true });
    for await (const event of stream) {
      if (event.type !== 'response.output_text.delta') continue;
      deltas.push(event.delta);
      if (deltas.join('') === 'Half') goOn.resolve();
    }
    expect(deltas.join('')).toBe('HalfWhole');
  });
});

test('stops within an answer as if it were whole', async () => {
  const script: Script = () => [{ kind: 'text', text: 'Half a' }, { kind: 'stop' }];
  await served(script, async (client) => {
    const types: string[] = [];
    const stream = await client.responses.create({ model: 'scripted', input: 'Hi', stream: true });
    for await (const event of stream) types.push(event.type);
    expect(types).toContain('response.output_text.delta');
    expect(types).not.toContain('response.completed');
  });
});

test('answers nobody without the key, and names no script that it does not have', async () => {
  await using model = await startScriptedModel({ script: { known: () => [] }, apiKey: 'right' });
  const ask = (key: string, name: string) =>
    clientOf(model.baseUrl, key).responses.create({ model: name, input: 'Hi' });
  await expect(ask('wrong', 'known')).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
  await expect(ask('right', 'unknown')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  expect((await ask('right', 'known')).status).toBe('completed');
});

test('a script that fails and a request that is none are told as such', async () => {
  const script: Script = () => {
    throw new Error('No such step');
  };
  await served(script, async (client) => {
    const failed = client.responses.create({ model: 'scripted', input: 'Hi' });
    await expect(failed).rejects.toThrow(/No such step/);
  });
  await using model = await startScriptedModel({ script });
  const nonsense = await fetch(`${model.baseUrl}/responses`, { method: 'POST', body: '{' });
  expect(nonsense.status).toBe(400);
});
