// The agent of both processes: a run state finds its agent by name.
import { Runner, tool } from '@openai/agents';
import { SandboxAgent } from '@openai/agents/sandbox';
import { ScriptedModel } from '@openai/agents/testing';
import { z } from 'zod';

type Steps = ConstructorParameters<typeof ScriptedModel>[0];

export function approvalAgent(steps: Steps) {
  const model = new ScriptedModel(steps);
  const agent = new SandboxAgent({
    name: 'careful',
    model,
    // Of the agent, not of the operator: both reach the box, and neither a stored run.
    defaultManifest: { environment: { COLOUR: 'a colour to keep' } },
    tools: [
      tool({
        name: 'deploy',
        description: 'Deploys.',
        parameters: z.object({ to: z.string() }),
        needsApproval: true,
        execute: async ({ to }) => `deployed to ${to}`,
      }),
    ],
  });
  return { agent, model, runner: new Runner({ tracingDisabled: true }) };
}

/** What tools told the model, in order. */
export function toldTo(model: ScriptedModel): string {
  const input = model.lastCall?.request.input;
  const items = Array.isArray(input) ? input : [];
  return items.map((item) => JSON.stringify('output' in item ? item.output : '')).join('\n');
}
