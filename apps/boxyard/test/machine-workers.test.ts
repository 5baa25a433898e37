// A turn on a machine of a user, run by a worker: the machine, the server and the worker meet on a NATS of the user.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createNatsOperator, natsTrustConfig, signerOf } from '@boxyard/fleet';
import { startScriptedModel } from '@boxyard/scripted-model';
import { eventually } from '@tooling/eventually';
import { startNatsServer } from '@tooling/nats-server';
import { needs } from '@tooling/system-parts';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MachineAgent } from './machine-agent.ts';
import { createSession, postTo, SESSIONS } from './machine-walk.ts';
import { openSharedDatabase } from './shared-database.ts';
import { startSharedServer } from './shared-server.ts';

const WORKER = join(import.meta.dirname, '../../worker/src/main.ts');

function startWorker(env: Readonly<Record<string, string>>): ChildProcess {
  const child = spawn(process.execPath, ['--conditions=@boxyard/source', WORKER], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return child;
}

describe('machines and workers', needs('nats-server'), () => {
  test('a worker runs a turn on a machine of a user', { timeout: 90_000 }, async () => {
    const operator = await createNatsOperator();
    const { account, signingSeed } = signerOf(operator);
    const nats = await startNatsServer({ config: await natsTrustConfig(operator) });
    onTestFinished(() => nats[Symbol.asyncDispose]());
    const database = await openSharedDatabase();
    const told: string[] = [];
    const model = await startScriptedModel({
      script: ({ step, toolAnswers }) => {
        told.push(...toolAnswers.map(({ text }) => text));
        if (step > 0) return [{ kind: 'text', text: 'Done.' }];
        const cmd = 'echo by the worker > where; pwd';
        return [{ kind: 'call', name: 'exec_command', arguments: { cmd, yield_time_ms: 30_000 } }];
      },
    });
    onTestFinished(() => model.close());
    const env = {
      BOXYARD_DATABASE_URL: database.url,
      BOXYARD_SECRET_KEY: 'a-secret-key-that-server-and-worker-share',
      BOXYARD_MACHINES: 'on',
      BOXYARD_MACHINES_NATS_URL: nats.url,
      BOXYARD_MACHINES_NATS_ACCOUNT: account,
      BOXYARD_MACHINES_NATS_SIGNING_KEY: signingSeed,
      BOXYARD_MODEL_BASE_URL: model.baseUrl,
      BOXYARD_MODEL: 'scripted',
    };
    const server = await startSharedServer({ ...env, BOXYARD_TURN_CONCURRENCY: '0' });
    onTestFinished(server.stop);
    const worker = startWorker({ ...env, BOXYARD_DATA_DIR: server.dataDir });
    const { client } = server;
    const machine = await MachineAgent.start({ client, name: 'a laptop' });
    onTestFinished(() => machine[Symbol.asyncDispose]());

    const id = await createSession(client, { sandbox: { machineId: machine.id } });
    const { turnId } = await postTo<{ turnId: string }>(client, id, 'messages', { text: 'Go' });
    const turn = await eventually('the end of the turn', async () => {
      const found = await client.json<{ endedAt: string | null }>('GET', `${SESSIONS}/${id}/turns/${turnId}`);
      return found.endedAt === null ? null : found;
    });
    expect(turn, told.join('\n---\n')).toMatchObject({ status: 'completed', attempt: 1 });
    expect(told[0]).toContain(machine.home);
    expect(await readFile(join(machine.home, 'where'), 'utf8')).toBe('by the worker\n');
    const [run] = await database.store.sql`SELECT worker FROM turn_attempts WHERE turn_id = ${turnId}`;
    expect(run?.worker).toMatch(new RegExp(`-${worker.pid}$`));
    // While the machine is there: what runs on it ends with its session.
    await client.json('DELETE', `${SESSIONS}/${id}`);
  });
});
