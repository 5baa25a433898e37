// Cases that need the agent loop itself, with a scripted model instead of a real one.
import assert from 'node:assert/strict';
import { Runner } from '@openai/agents-core';
import {
  Manifest,
  type ManifestInput,
  SandboxAgent,
  type SandboxSession,
  skills,
} from '@openai/agents-core/sandbox';
import { assistantMessage, functionCall, ScriptedModel } from '@openai/agents-core/testing';
import { agentsRunConfig } from '../agents-run-config.ts';
import type { AgentsSession } from '../session/agents-session.ts';
import { type AgentsSessionCase, type AgentsSessionCaseContext, contentOf } from './agents-session-case.ts';

type Step = ReturnType<typeof functionCall> | Patch;
type Patch = Extract<Parameters<ScriptedModel['enqueue']>[0], readonly unknown[]>[number] & {
  type: 'apply_patch_call';
};

let calls = 0;
const tool = (name: string, args: Record<string, unknown>) =>
  functionCall(name, args, { callId: `call-${++calls}` });
const patch = (operation: Patch['operation']): Patch => ({
  type: 'apply_patch_call',
  callId: `call-${++calls}`,
  status: 'completed',
  operation,
});

interface Ran {
  /** What the model was told by each tool, in order. */
  readonly told: readonly string[];
  readonly tools: readonly string[];
}

async function runSteps(
  session: AgentsSession,
  steps: readonly (Step | (() => Promise<Step>))[],
  options: {
    readonly manifest?: ManifestInput;
    readonly agent?: Partial<ConstructorParameters<typeof SandboxAgent>[0]>;
  } = {},
): Promise<Ran> {
  const model = new ScriptedModel([
    ...steps.map((step) =>
      typeof step === 'function'
        ? { type: 'responder' as const, respond: async () => [await step()] }
        : [step],
    ),
    [assistantMessage('done')],
  ]);
  const agent = new SandboxAgent({ name: 'conformance', model, ...options.agent });
  const runner = new Runner({ tracingDisabled: true });
  const sandbox = agentsRunConfig(
    session,
    options.manifest === undefined ? {} : { manifest: options.manifest },
  );
  await runner.run(agent, 'go', { sandbox, maxTurns: steps.length + 2 });
  model.assertComplete();
  const last = model.lastCall?.request;
  const input = Array.isArray(last?.input) ? last.input : [];
  return {
    told: input
      .filter((item) => 'output' in item)
      .map((item) => JSON.stringify('output' in item ? item.output : '')),
    tools: (last?.tools ?? []).map((one) => one.name),
  };
}

export const RUN_CASES: readonly AgentsSessionCase[] = [
  {
    number: 52,
    title: 'an agent runs commands, patches files and sees images, and its run ends neither session nor box',
    async run(context) {
      const { session, unique, box } = context;
      const [path, image] = [unique('by-agent'), unique('image.png')];
      await box.files.write(image, Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1]));
      const ended: string[] = [];
      const watched = watching(session, ended);
      const { told, tools } = await runSteps(watched, [
        patch({ type: 'create_file', path, diff: '+hello\n' }),
        patch({ type: 'update_file', path, diff: '@@\n-hello\n+goodbye\n' }),
        tool('exec_command', { cmd: `cat ${path}` }),
        tool('view_image', { path: image }),
        patch({ type: 'delete_file', path: unique('missing') }),
      ]);
      assert.ok(tools.includes('exec_command'));
      assert.equal(tools.includes('write_stdin'), session.supportsPty());
      assert.equal(await contentOf(context, path), 'goodbye\n');
      assert.match(told.join('\n'), /exited with code 0\\nOutput:\\ngoodbye/);
      assert.match(told.join('\n'), /image/);
      assert.match(told.join('\n'), /There is no file/);
      assert.deepEqual(ended, ['preStop']);
      assert.equal(await session.running(), true);
    },
  },
  {
    number: 53,
    title: 'a second run of the session sees what the first one left',
    async run({ session, unique }) {
      const path = unique('left');
      await runSteps(session, [patch({ type: 'create_file', path, diff: '+left\n' })]);
      const { told } = await runSteps(session, [tool('exec_command', { cmd: `cat ${path}` })]);
      assert.match(told.join('\n'), /Output:\\nleft/);
    },
  },
  {
    title: 'a tool that fails is told to the model with its reason',
    async run({ session }) {
      const { told } = await runSteps(session, [tool('exec_command', { cmd: 'true', workdir: '/etc' })]);
      assert.match(told.join('\n'), /exec_command failed: Sandbox path .*escapes the workspace root/);
      assert.doesNotMatch(told.join('\n'), /An error occurred while running the tool/);
    },
  },
  {
    title: 'a skill is loaded when it is asked for',
    async run(context) {
      const { session, unique } = context;
      const skillsPath = unique('skills');
      const source = {
        type: 'dir',
        children: {
          greet: {
            type: 'dir',
            description: 'Says hello.',
            children: { 'SKILL.md': { type: 'file', content: '---\nname: greet\n---\nSay hello.\n' } },
          },
        },
      } as const;
      const { told } = await runSteps(
        session,
        [tool('load_skill', { skill_name: 'greet' }), tool('load_skill', { skill_name: 'greet' })],
        { agent: { capabilities: [skills({ lazyFrom: { source }, skillsPath })] } },
      );
      assert.match(told[0] ?? '', /loaded/);
      assert.match(told[1] ?? '', /already_loaded/);
      assert.match(await contentOf(context, `${skillsPath}/greet/SKILL.md`), /Say hello/);
    },
  },
  {
    number: 50,
    title: 'a manifest that differs from the live session does not end its run',
    async run(context) {
      const { session, unique } = context;
      const path = unique('declared');
      const manifest = (content: string, environment: Record<string, string>) =>
        new Manifest({ root: '/elsewhere', entries: { [path]: { type: 'file', content } }, environment });
      await runSteps(session, [], { manifest: manifest('one', { [unique('A').replaceAll('-', '_')]: '1' }) });
      await runSteps(session, [], { manifest: manifest('two', { ANOTHER: '2' }) });
      assert.equal(await contentOf(context, path), 'one');
    },
  },
  {
    number: 47,
    title: "the manifest is one of the SDK's own",
    async run({ session }) {
      assert.ok(session.state.manifest instanceof Manifest);
    },
  },
  {
    number: 72,
    title: 'a swap in the middle of a turn is followed by every tool',
    needs: ['swap'],
    ownSession: true,
    async run(context) {
      const { session, swap, unique } = context;
      const [before, after] = [unique('before'), unique('after')];
      let next: AgentsSessionCaseContext['box'] | undefined;
      await runSteps(session, [
        patch({ type: 'create_file', path: before, diff: '+old\n' }),
        async () => {
          next = await swap!();
          return patch({ type: 'create_file', path: after, diff: '+new\n' });
        },
        tool('exec_command', { cmd: `cat ${after} > copied` }),
      ]);
      assert.equal(await contentOf(context, before), 'old\n');
      assert.equal(await context.box.files.stat(after), null);
      assert.equal(new TextDecoder().decode(await next!.files.read('copied')), 'new\n');
    },
  },
];

/** The same session, with a note of every call that would end something. */
function watching(session: AgentsSession, ended: string[]): AgentsSession {
  const endings: readonly (keyof SandboxSession)[] = ['preStop', 'stop', 'shutdown', 'delete', 'close'];
  return new Proxy(session, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (endings.some((one) => one === name)) ended.push(String(name));
        return Reflect.apply(value, target, args);
      };
    },
  });
}
