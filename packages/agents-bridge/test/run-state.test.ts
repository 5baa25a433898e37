import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { localProvider } from '@boxyard/providers-local';
import { MemoryBox } from '@boxyard/sandbox-conformance';
import { type Provider, SandboxError } from '@boxyard/sandbox-core';
import { Manifest } from '@openai/agents/sandbox';
import { assistantMessage, functionCall } from '@openai/agents/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { agentsResumeConfig, agentsRunConfig, toAgentsClient, toAgentsSession } from '../src/index.ts';
import { approvalAgent, toldTo } from './approval-agent.ts';

const environment = { SECRET: 'from the operator' };
const steps = [
  [functionCall('exec_command', { cmd: 'echo kept > kept; read x', yield_time_ms: 0 }, { callId: 'before' })],
  [functionCall('deploy', { to: 'production' }, { callId: 'asks' })],
];

let dataDir: string;
let provider: Provider;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'boxyard-run-state-'));
  provider = localProvider({ dataDir });
});
afterEach(async () => {
  if (provider.listing.available)
    for await (const { ref } of provider.listing.use.list()) await provider.destroy(ref);
  await rm(dataDir, { recursive: true, force: true });
});

async function resumeInAnotherProcess(give: 'client' | 'session', state: string): Promise<string> {
  const file = join(dataDir, 'state.json');
  await writeFile(file, state);
  const script = join(import.meta.dirname, 'resume-run.ts');
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=@boxyard/source', script, dataDir, give, file],
    { timeout: 55_000, env: { ...process.env, NODE_OPTIONS: '' } },
  );
  return stdout;
}

async function boxes(): Promise<number> {
  let count = 0;
  if (provider.listing.available) for await (const _ of provider.listing.use.list()) count++;
  return count;
}

test('a run that waits for an approval goes on in another process with its box, which then ends with it', async () => {
  const client = toAgentsClient(provider, { deployment: 'test', environment });
  const { agent, runner } = approvalAgent(steps);
  const waiting = await runner.run(agent, 'go', { sandbox: { client } });
  expect(waiting.interruptions).toHaveLength(1);
  const state = waiting.state.toString();
  expect(state).not.toContain(environment.SECRET);
  expect(state).not.toContain('a colour to keep');
  const told = await resumeInAnotherProcess('client', state);
  expect(told).toContain('deployed to production');
  expect(told).toContain('kept\\nfrom the operator\\na colour to keep');
  expect(told).toContain('session not found: 1');
  expect(await boxes()).toBe(0);
});

test('the box of a session stays after its runs, in this process and in the next', async () => {
  const client = toAgentsClient(provider, { deployment: 'test', environment });
  const tag = { deployment: 'test', group: 'session', epoch: 1 };
  const box = await provider.create({ tag, environment });
  const session = toAgentsSession(box, { environment });
  const { agent, runner } = approvalAgent(steps);
  const waiting = await runner.run(agent, 'go', { sandbox: agentsRunConfig(session, { client, agent }) });
  await session.close();
  await box.close();
  const state = waiting.state.toString();
  expect(state).not.toContain(environment.SECRET);
  expect(JSON.parse(state).sandbox).toMatchObject({
    backendId: 'boxyard',
    sessionState: { providerState: { box: box.ref, epoch: 1, nextCommand: 2 } },
  });
  expect(await resumeInAnotherProcess('session', state)).toContain('kept\\nfrom the operator');
  const again = await provider.resume(box.ref, { epoch: 1, environment });
  expect(new TextDecoder().decode(await again.files.read('kept'))).toBe('kept\n');
  await again.close();
});

test('a run that waits for an approval goes on in the same process with the same box', async () => {
  const client = toAgentsClient(provider, { deployment: 'test', environment });
  const { agent, model, runner } = approvalAgent([
    ...steps,
    [functionCall('exec_command', { cmd: 'cat kept; echo "$COLOUR"' }, { callId: 'after' })],
    [assistantMessage('done')],
  ]);
  const waiting = await runner.run(agent, 'go', { sandbox: { client } });
  for (const interruption of waiting.interruptions) waiting.state.approve(interruption);
  await runner.run(agent, waiting.state, { sandbox: { client } });
  expect(toldTo(model)).toContain('kept\\na colour to keep');
  expect(await boxes()).toBe(0);
});

test('where several boxes are open, a run that does not name its own ends before any of them is lost', async () => {
  const client = toAgentsClient(provider, { deployment: 'test', environment });
  const other = await client.create();
  const { agent, model, runner } = approvalAgent([...steps, [assistantMessage('done')]]);
  const waiting = await runner.run(agent, 'go', { sandbox: { client } });
  for (const interruption of waiting.interruptions) waiting.state.approve(interruption);
  const json = waiting.state.toString();
  await expect(runner.run(agent, waiting.state, { sandbox: { client } })).rejects.toThrow(
    'agentsResumeConfig',
  );
  expect(await boxes()).toBe(2);
  await runner.run(agent, waiting.state, { sandbox: agentsResumeConfig(client, json) });
  expect(toldTo(model)).toContain('deployed to production');
  expect(await other.running()).toBe(true);
  expect(await boxes()).toBe(1);
});

test('a box that is gone is told, and no rival is made', async () => {
  const client = toAgentsClient(provider, { deployment: 'test', environment });
  const { agent, runner } = approvalAgent(steps);
  const waiting = await runner.run(agent, 'go', { sandbox: { client } });
  if (provider.listing.available)
    for await (const { ref } of provider.listing.use.list()) await provider.destroy(ref);
  const stored = JSON.parse(waiting.state.toString()).sandbox.sessionState;
  const state = await client.deserializeSessionState({ ...stored.providerState, manifest: stored.manifest });
  const resumed = client.resume(state);
  await expect(resumed).rejects.toSatisfy(
    (error: Error) => SandboxError.hasCode(error.cause, 'gone') && error.message !== '',
  );
  expect(await boxes()).toBe(0);
});

test('a session of another client is not stored, and a snapshot that nobody would take is refused', async () => {
  const client = toAgentsClient(provider, { deployment: 'test' });
  await expect(client.serializeSessionState({ manifest: new Manifest() } as never)).rejects.toMatchObject({
    code: 'configuration_error',
  });
  await expect(client.create({ snapshot: { type: 'local' } })).rejects.toMatchObject({
    code: 'unsupported_feature',
  });
  expect(await boxes()).toBe(0);
});

test('a created session has the files and the variables of its manifest, and its manifest has no secret when stored', async () => {
  const client = toAgentsClient(provider, { deployment: 'test', environment });
  const session = await client.create({
    manifest: new Manifest({
      entries: { 'notes/a.md': { type: 'file', content: 'hello\n' } },
      environment: { COLOUR: 'blue' },
    }),
  });
  expect(await session.execCommand({ cmd: 'cat notes/a.md; echo "$COLOUR $SECRET"' })).toContain(
    'hello\nblue from the operator\n',
  );
  await session.delete?.();
  expect(await boxes()).toBe(0);
});

test('a chat that needs no box opens none, and is stored without one', async () => {
  let opened = 0;
  const session = toAgentsSession(
    async () => {
      opened++;
      return new MemoryBox();
    },
    { root: '/workspace', supportsPty: true },
  );
  const client = toAgentsClient(provider, { deployment: 'test' });
  const { agent, runner } = approvalAgent([[functionCall('deploy', { to: 'x' }, { callId: 'asks' })]]);
  const waiting = await runner.run(agent, 'hi', { sandbox: agentsRunConfig(session, { client, agent }) });
  expect(waiting.interruptions).toHaveLength(1);
  expect(opened).toBe(0);
  expect(JSON.parse(waiting.state.toString()).sandbox.sessionState.providerState.box).toBeNull();
  await session.readFile({ path: 'x' }).catch(() => undefined);
  expect(opened).toBe(1);
});
