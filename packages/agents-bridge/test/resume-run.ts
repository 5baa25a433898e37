// Goes on with an interrupted run: argv is the data folder, what to give the run, and the file of its state.
import { readFile } from 'node:fs/promises';
import { localProvider } from '@boxyard/providers-local';
import { RunState } from '@openai/agents';
import { assistantMessage, functionCall } from '@openai/agents/testing';
import { agentsResumeConfig, agentsRunConfig, toAgentsClient, toAgentsSession } from '../src/index.ts';
import { approvalAgent, toldTo } from './approval-agent.ts';

const [dataDir, give, stateFile] = process.argv.slice(2);
if (dataDir === undefined || stateFile === undefined) throw new Error('Give the folder, what, and the file.');
const { agent, model, runner } = approvalAgent([
  [functionCall('exec_command', { cmd: 'cat kept; echo "$SECRET"; echo "$COLOUR"' }, { callId: 'after' })],
  [functionCall('write_stdin', { session_id: 1, chars: 'x' }, { callId: 'stdin' })],
  [assistantMessage('done')],
]);
const environment = { SECRET: 'from the operator' };
const provider = localProvider({ dataDir });
const client = toAgentsClient(provider, { deployment: 'test', environment });
const json = await readFile(stateFile, 'utf8');
const state = await RunState.fromString(agent, json);
for (const interruption of state.getInterruptions()) state.approve(interruption);

if (give === 'client') await runner.run(agent, state, { sandbox: agentsResumeConfig(client, json) });
else {
  const stored = JSON.parse(json).sandbox.sessionState.providerState;
  const box = await provider.resume(stored.box, { epoch: stored.epoch, environment });
  const session = toAgentsSession(box, { environment });
  await runner.run(agent, state, { sandbox: agentsRunConfig(session, { client, agent }) });
  await box.close();
}
model.assertComplete();
console.log(toldTo(model));
