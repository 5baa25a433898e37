// Tools that reach beyond the session's own box, and models that speak the other protocol.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CreateSessionRequest } from '@boxyard/contracts';
import type { Script } from '@boxyard/scripted-model';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { openStage } from './turns-stage.ts';

const call = (name: string, given: object, callId: string) =>
  ({ kind: 'call', name, arguments: { ...given }, callId }) as const;
const exec = (cmd: string, callId: string) => call('exec_command', { cmd, yield_time_ms: 30_000 }, callId);

test('a command runs on another box, and after a swap the tools of the turn work there', async () => {
  let other = '';
  const told: string[] = [];
  const script: Script = ({ step, toolAnswers }) => {
    told.push(...toolAnswers.map(({ text }) => text));
    if (step === 0) return [exec('echo home > where', 'c1')];
    if (step === 1) return [call('run_on', { box: other, cmd: 'echo away > where; exit 3' }, 'c2')];
    if (step === 2) return [call('swap_sandbox', { target: other, carry: false }, 'c3')];
    if (step === 3) return [exec('cat where', 'c4')];
    if (step === 4) return [call('swap_sandbox', { target: 'local', carry: true }, 'c5')];
    if (step === 5) return [exec('cat where; echo new > where', 'c6')];
    if (step === 6) return [call('swap_sandbox', { target: 'home', carry: false }, 'c7')];
    if (step === 7) return [exec('cat where', 'c8')];
    return [{ kind: 'text', text: 'Done.' }];
  };
  const stage = await openStage(script);
  const second = await stage.sessions.create(stage.workspaceId, CreateSessionRequest.parse({}));
  other = second.sandboxGroupId;
  await stage.worker();
  expect((await stage.ended(await stage.post('Travel'))).status).toBe('completed');
  expect(told[1]).toContain('exited with code 3');
  expect(told[2]).toContain(`works in ${other} now`);
  expect(told[3]).toContain('away\n');
  expect(told[4]).toContain('"kind":"EXACT"');
  expect(told[5]).toContain('away\n');
  expect(told[7]).toContain('home\n');
  const swaps = (await stage.events()).filter(({ type }) => type === 'sandbox.swapped');
  expect(swaps).toHaveLength(3);
  expect(stage.troubles).toEqual([]);
});

const Asked = z.object({
  messages: z.array(z.object({ role: z.string() })),
  tools: z.array(z.object({ type: z.string(), function: z.object({ name: z.string() }) })),
});

test('an endpoint that speaks Chat Completions is offered functions alone, and its calls run in the box', async () => {
  const asked: z.infer<typeof Asked>[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const parsed = Asked.parse(JSON.parse(body));
    asked.push(parsed);
    const isFirst = !parsed.messages.some(({ role }) => role === 'tool');
    const patch = '*** Begin Patch\n*** Add File: made\n+by a patch\n*** End Patch\n';
    const given = { name: 'apply_patch', arguments: JSON.stringify({ patch }) };
    const tool = { index: 0, id: 'c1', type: 'function', function: given };
    const delta = isFirst
      ? { role: 'assistant', tool_calls: [tool] }
      : { role: 'assistant', content: 'Done.' };
    const chunk = (choice: object) => {
      const envelope = { id: 'x', object: 'chat.completion.chunk', created: 1, model: 'chat' };
      response.write(`data: ${JSON.stringify({ ...envelope, choices: [{ index: 0, ...choice }] })}\n\n`);
    };
    response.writeHead(request.url === '/v1/chat/completions' ? 200 : 404, {
      'content-type': 'text/event-stream',
    });
    chunk({ delta, finish_reason: null });
    chunk({ delta: {}, finish_reason: isFirst ? 'tool_calls' : 'stop' });
    response.end('data: [DONE]\n\n');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;

  const stage = await openStage(() => []);
  await stage.worker({}, { baseUrl: `http://127.0.0.1:${port}/v1`, protocol: 'chat-completions' });
  const turn = await stage.ended(await stage.post('Patch'));
  expect(turn).toMatchObject({ status: 'completed', usage: { modelCalls: 2 } });
  expect(await stage.file('made')).toBe('by a patch\n');
  const names = asked[0]?.tools.map((one) => one.function.name) ?? [];
  expect(names).toEqual(expect.arrayContaining(['exec_command', 'apply_patch', 'swap_sandbox', 'run_on']));
});
