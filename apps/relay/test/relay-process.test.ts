// The program as it is run: what it prints, what it refuses, how it ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { StreamKind } from '@boxyard/agent-proto/messages';
import { RelayDialler } from '@boxyard/agent-proto/relay';
import { afterEach, expect, test } from 'vitest';

const MAIN = join(import.meta.dirname, '../src/main.ts');
const SECRET_KEY = 'a secret key of at least 32 characters'.replaceAll(' ', '-');
const children = new Set<ChildProcess>();

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
});

function start(args: readonly string[], env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, ['--conditions=@boxyard/source', MAIN, ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  return { child, output, ended: once(child, 'close').then(([code]) => code as number | null) };
}

async function secret(): Promise<string> {
  const { output, ended } = start(['secret'], { BOXYARD_SECRET_KEY: SECRET_KEY });
  expect(await ended).toBe(0);
  return output.stdout.trim();
}

test('it runs, is healthy, refuses strangers and ends with grace', async () => {
  const { child, output, ended } = start([], {
    BOXYARD_RELAY_SECRET: await secret(),
    BOXYARD_RELAY_PORT: '0',
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ready: unknown = JSON.parse((await lines.next()).value ?? '{}');
  expect(ready).toMatchObject({ msg: 'ready', url: expect.stringMatching(/^ws:\/\/127\.0\.0\.1:\d+$/) });
  const { url } = ready as { url: string };
  expect(await (await fetch(`${url.replace('ws', 'http')}/healthz`)).json()).toMatchObject({ status: 'ok' });
  const dialler = new RelayDialler({ url, token: () => 'ogr_nobody.knows', delayMs: () => 1 });
  const channel = {
    workspaceId: randomUUID(),
    agentId: randomUUID(),
    channelId: 'c',
    kind: StreamKind.PTY,
    port: 7681,
  };
  await expect(dialler.produce(channel)).rejects.toMatchObject({ code: 'unauthenticated' });
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
  expect(output.stdout).toContain('"closeCode":4401');
  expect(output.stdout).not.toContain('ogr_');
});

test.each([
  [[], {}, 'BOXYARD_RELAY_SECRET is missing'],
  [[], { BOXYARD_RELAY_SECRET: 'short' }, 'boxyard-relay secret prints'],
  [['secret'], {}, 'BOXYARD_SECRET_KEY is missing'],
  [['dance'], {}, 'Usage'],
])('%j with %j says what to do', async (args, env, message) => {
  const { output, ended } = start(args, env);
  expect(await ended).toBe(1);
  expect(output.stderr).toContain(message);
  expect(output.stderr).not.toContain('    at ');
});
