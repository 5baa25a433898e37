// The agent of a turn: the SDK's own, with the tools of the box, and those that only we can offer.
import { type Model, type Tool, tool } from '@openai/agents';
import { Capabilities, filesystem, SandboxAgent, shell } from '@openai/agents/sandbox';
import { z } from 'zod';
import { journaledSkills } from './journaled-skills.ts';
import { journaledTools, type ToolJournal } from './journaled-tools.ts';
import type { SkillFolder } from './skill-folder.ts';

/** Where else a session can work. */
export interface BoxTools {
  /** Sends the session to another box; answers what to tell the model. */
  swap(target: string, carry: boolean): Promise<string>;
  /** One command on another box of the workspace, without going there. */
  runOn(named: string, command: string): Promise<string>;
  /** Tells of the machines of users; null where there are none. */
  readonly listMachines: (() => Promise<string>) | null;
}

export interface TurnAgentOptions {
  readonly model: Model;
  readonly instructions: string;
  readonly journal: ToolJournal;
  readonly boxTools: BoxTools;
  /** Null where there are none. */
  readonly skills: SkillFolder | null;
}

export const DEFAULT_INSTRUCTIONS =
  'You work in a box: a machine of its own with a workspace that the user sees. Do what the user asks with the tools of the box, look at what is there before you change it, and say in the end what you did and what you saw.';

/** A saved run state finds its agent by this name. */
const NAME = 'boxyard';

export function turnAgent({
  model,
  instructions,
  journal,
  boxTools,
  skills,
}: TurnAgentOptions): SandboxAgent {
  const configureTools = (tools: Tool[]) => journaledTools(tools, journal);
  // What keeps the conversation within the model's window, and needs no box.
  const others = Capabilities.default().filter(({ type }) => type !== 'shell' && type !== 'filesystem');
  const skilled = skills === null ? null : journaledSkills(skills, journal);
  return new SandboxAgent({
    name: NAME,
    model,
    instructions,
    tools: configureTools(toolsOfBoxes(boxTools)),
    capabilities: [
      shell({ configureTools }),
      filesystem({ configureTools }),
      ...(skilled === null ? [] : [skilled]),
      ...others,
    ],
  });
}

function toolsOfBoxes(boxes: BoxTools): Tool[] {
  const { listMachines } = boxes;
  return [
    tool({
      name: 'swap_sandbox',
      description:
        'Moves this session to another box of the workspace. What runs in the present box goes on there. With carry the files come along.',
      parameters: z.object({
        target: z
          .string()
          .min(1)
          .describe(
            '"home", the id of a box group, the id or name of a machine of a user, or the name of a backend, as "local", for a new box there.',
          ),
        carry: z.boolean().default(false).describe('Whether the workspace is taken along.'),
      }),
      execute: ({ target, carry }) => boxes.swap(target, carry),
    }),
    tool({
      name: 'run_on',
      description: 'Runs one command on another box of the workspace and waits for its end.',
      parameters: z.object({
        box: z.string().min(1).describe('The id of the box group, or the id or name of a machine of a user.'),
        cmd: z.string().min(1).describe('Shell command to execute.'),
      }),
      execute: ({ box, cmd }) => boxes.runOn(box, cmd),
    }),
    ...(listMachines === null
      ? []
      : [
          tool({
            name: 'list_machines',
            description: 'Lists the machines of users that this session can move to now.',
            parameters: z.object({}),
            execute: () => listMachines(),
          }),
        ]),
  ];
}
