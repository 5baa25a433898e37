// What a session does on a machine of a user, wherever that machine stands: commands, files, git, a terminal, and a turn
// that goes there in the middle of its work and comes back.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Session } from '@boxyard/contracts';
import { type ScriptedModel, type ScriptedRequest, startScriptedModel } from '@boxyard/scripted-model';
import { eventually } from '@tooling/eventually';
import { expect } from 'vitest';
import type { MachineAgent } from './machine-agent.ts';
import type { ApiClient } from './raw-api.ts';

export const SESSIONS = '/v1/workspaces/default/sessions';

export const createSession = async (client: ApiClient, body: object = {}): Promise<string> =>
  (await client.json<Session>('POST', SESSIONS, { body })).id;
export const readSession = (client: ApiClient, id: string) =>
  client.json<Session>('GET', `${SESSIONS}/${id}`);
export const postTo = <Answer>(client: ApiClient, id: string, path: string, body: object) =>
  client.json<Answer>('POST', `${SESSIONS}/${id}/${path}`, { body });
export const execIn = (client: ApiClient, id: string, command: string, more: object = {}) =>
  postTo<{ opId: string; stdout: string; exitCode: number }>(client, id, 'terminal/exec', {
    command,
    ...more,
  });

/** Commands, files, git and a terminal of a session whose box is the machine. */
export async function workOnMachine(client: ApiClient, id: string, machine: MachineAgent): Promise<void> {
  expect(await execIn(client, id, 'pwd; echo from a command > said; cat said')).toMatchObject({
    stdout: `${machine.home}\nfrom a command\n`,
    exitCode: 0,
  });
  await postTo(client, id, 'fs/write', { path: 'repo/file', content: 'written' });
  expect(await readFile(join(machine.home, 'repo/file'), 'utf8')).toBe('written');
  expect(await postTo(client, id, 'fs/read', { path: 'said' })).toMatchObject({
    content: 'from a command\n',
  });
  await execIn(client, id, 'git init -q', { cwd: 'repo' });
  const status = await postTo<{ isRepo: boolean }>(client, id, 'git/status', { path: 'repo' });
  expect(status.isRepo).toBe(true);
  expect(JSON.stringify(status)).toContain('file');
  const { ptyId } = await postTo<{ ptyId: string }>(client, id, 'terminal/pty', { shell: '/bin/sh' });
  await postTo(client, id, 'terminal/pty/write', { ptyId, data: 'tty > typed; exit\n' });
  await eventually('what was typed was run in a terminal of the machine', async () =>
    (await readFile(join(machine.home, 'typed'), 'utf8').catch(() => '')).startsWith('/dev/'),
  );
}

const call = (name: string, given: object) => ({ kind: 'call', name, arguments: { ...given } }) as const;
const exec = (cmd: string, more: object = {}) =>
  call('exec_command', { cmd, yield_time_ms: 30_000, ...more });

/** Plays one turn: at home, onto the machine by its name, and home again. */
export interface TravellingModel {
  readonly model: ScriptedModel;
  /** What it was told of each of its calls. */
  readonly told: string[];
}

export async function startTravellingModel(machineName: string): Promise<TravellingModel> {
  const told: string[] = [];
  const server = () => Number(/session ID (\d+)/.exec(told[1] ?? '')?.[1]);
  const steps = [
    () => exec('echo home > where'),
    () => exec('while read -r line; do echo "$line" >> served; done', { yield_time_ms: 250 }),
    () => call('list_machines', {}),
    () => call('swap_sandbox', { target: machineName, carry: false }),
    () => exec('cat where || echo not here; echo on the machine > where; pwd'),
    () => call('write_stdin', { session_id: server(), chars: 'said from the machine\n', yield_time_ms: 250 }),
    () =>
      ({
        kind: 'patch',
        operation: { type: 'create_file', path: 'patched', diff: '+by the turn\n' },
      }) as const,
    () => call('swap_sandbox', { target: 'home', carry: false }),
    () => exec('cat where'),
    () => call('run_on', { box: machineName, cmd: 'cat where' }),
  ];
  const model = await startScriptedModel({
    script: ({ step, toolAnswers }: ScriptedRequest) => {
      told.push(...toolAnswers.map(({ text }) => text));
      const next = steps[step];
      return [next === undefined ? { kind: 'text', text: 'Done.' } : next()];
    },
  });
  return { model, told };
}

/** A session whose turn goes onto the machine and back; the server that it began at home is reached from there. */
export async function travel(
  client: ApiClient,
  machine: MachineAgent,
  { told }: TravellingModel,
): Promise<void> {
  const id = await createSession(client);
  const { turnId } = await postTo<{ turnId: string }>(client, id, 'messages', { text: 'Go there and back.' });
  const turn = await eventually(
    'the end of the turn',
    async () => {
      const found = await client.json<{ status: string; endedAt: string | null }>(
        'GET',
        `${SESSIONS}/${id}/turns/${turnId}`,
      );
      return found.endedAt === null ? null : found;
    },
    { withinMs: 60_000 },
  );
  expect(turn, told.join('\n---\n')).toMatchObject({ status: 'completed', attempt: 1 });
  expect(told[1]).toMatch(/Process running with session ID \d+/);
  expect(told[2]).toContain(`${machine.id} ${machine.name} (linux`);
  expect(told[3]).toMatch(/^This session works in \S+ now/);
  expect(told[4]).toContain('not here');
  expect(told[4]).toContain(machine.home);
  expect(told[5]).toMatch(/Process running with session ID/);
  expect(told[8]).toContain('Output:\nhome');
  expect(told[9]).toContain('on the machine');
  expect(await readdir(machine.home)).toEqual(expect.arrayContaining(['patched', 'where']));
  expect(await readdir(machine.home)).not.toContain('served');
  // The server that the turn began still runs in the box where it was begun.
  expect((await execIn(client, id, 'cat served')).stdout).toBe('said from the machine\n');
  expect(await readSession(client, id)).toMatchObject({ activeSandboxId: null, machine: null });
}
