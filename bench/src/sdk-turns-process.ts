// The Agents SDK alone, in its own local sandbox and with nothing stored: what a turn of ours stands beside. A process
// of its own, as our server is one. Takes the model's address; each line of its input is a message, and each is
// answered with a line when its run has ended.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { OpenAIProvider, Runner } from '@openai/agents';
import { SandboxAgent, shell } from '@openai/agents/sandbox';
import { UnixLocalSandboxClient } from '@openai/agents/sandbox/local';

const [baseURL = ''] = process.argv.slice(2);
const provider = new OpenAIProvider({ baseURL, apiKey: 'none', useResponses: true });
const agent = new SandboxAgent({
  name: 'alone',
  model: await provider.getModel('scripted'),
  instructions: 'Run what you are asked to run.',
  capabilities: [shell()],
});
const folder = await mkdtemp(join(tmpdir(), 'boxyard-bench-sdk-'));
const client = new UnixLocalSandboxClient({ workspaceBaseDir: folder });
const session = await client.create({});
const runner = new Runner({ tracingDisabled: true });
for await (const message of createInterface({ input: process.stdin })) {
  const run = await runner.run(agent, message, {
    stream: true,
    maxTurns: null,
    sandbox: { client, session },
  });
  for await (const _ of run);
  await run.completed;
  process.stdout.write('done\n');
}
await session.close?.();
await rm(folder, { recursive: true, force: true });
