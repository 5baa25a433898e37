/** Starts the real server as a process of its own, as a script would, and ends it for sure. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { ApiClient } from './raw-api.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/** A start that takes longer than this hangs. */
const START_DEADLINE_MS = 45_000;

export interface ServerProcess {
  readonly url: string;
  readonly token: string;
  readonly client: ApiClient;
  readonly child: ChildProcess;
  /** What it has printed so far, both channels. */
  readonly printed: () => string;
  readonly kill: () => Promise<void>;
  /** SIGTERM, then what it printed on the way out. */
  readonly terminate: () => Promise<string>;
}

const exitOf = (child: ChildProcess) =>
  new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once('exit', () => resolve());
  });

export const cliArguments = (...words: string[]): string[] => [
  '--conditions=@boxyard/source',
  MAIN,
  ...words,
];

/** A data folder of this test alone; boxes in it are ended and everything is removed afterwards. */
export async function temporaryDataDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'boxyard-server-'));
  onTestFinished(async () => rm(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 }));
  return dir;
}

export async function startTestServer(
  dataDir: string,
  env: Readonly<Record<string, string>> = {},
): Promise<ServerProcess> {
  const server = await launchServer(dataDir, env);
  onTestFinished(server.kill);
  return server;
}

/** For who kills it himself: it may outlive the test that started it. */
export async function launchServer(
  dataDir: string,
  env: Readonly<Record<string, string>> = {},
  words: readonly string[] = [],
): Promise<ServerProcess> {
  const child = spawn(
    process.execPath,
    cliArguments('up', '--json', '--data-dir', dataDir, '--port', '0', ...words),
    {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let printed = '';
  const collect = (chunk: Buffer) => {
    printed += chunk.toString('utf8');
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  const kill = async () => {
    child.kill('SIGKILL');
    await exitOf(child);
  };
  const line = await firstLine(child, () => printed);
  const { url, token } = JSON.parse(line) as { url: string; token: string };
  return {
    url,
    token,
    child,
    client: new ApiClient({ url, token }),
    printed: () => printed,
    kill,
    terminate: async () => {
      child.kill('SIGTERM');
      await exitOf(child);
      return printed;
    },
  };
}

function firstLine(child: ChildProcess, printed: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`The server was not ready within ${START_DEADLINE_MS} ms:\n${printed()}`));
    }, START_DEADLINE_MS);
    createInterface({ input: child.stdout! }).once('line', (line) => {
      clearTimeout(late);
      resolve(line);
    });
    child.once('exit', (code) => {
      clearTimeout(late);
      reject(new Error(`The server ended with ${code} before it was ready:\n${printed()}`));
    });
  });
}

/** Ends every process and folder of the sessions of this server: what a test leaves, the machine keeps. */
export async function deleteSessions(client: ApiClient): Promise<void> {
  const page = await client.json<{ items: { id: string }[] }>(
    'GET',
    '/v1/workspaces/default/sessions?limit=200',
  );
  for (const { id } of page.items) await client.json('DELETE', `/v1/workspaces/default/sessions/${id}`);
}
