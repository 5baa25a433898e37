/** The built server as a process of its own, as a person starts it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../apps/boxyard/dist/main.js', import.meta.url));

export interface BenchServer {
  readonly url: string;
  readonly token: string;
  readonly child: ChildProcess;
}

export async function startServer(
  dataDir: string,
  env: Readonly<Record<string, string>> = {},
): Promise<BenchServer> {
  const child = spawn(process.execPath, [MAIN, 'up', '--json', '--data-dir', dataDir, '--port', '0'], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout! }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`The server ended with ${code}.`)));
  });
  return { ...(JSON.parse(line) as { url: string; token: string }), child };
}

export async function stopServer(server: BenchServer): Promise<void> {
  const ended = new Promise((resolve) => server.child.once('exit', resolve));
  server.child.kill('SIGTERM');
  await ended;
}

/** The JSON of an answer; anything but success is an error with what was said. */
export async function post<Answer>(server: BenchServer, path: string, body: object): Promise<Answer> {
  const response = await fetch(new URL(path, server.url), {
    method: 'POST',
    headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as Answer;
}

/** The answer of a request whose content goes as it is. */
export async function send(
  server: BenchServer,
  method: string,
  path: string,
  body?: ReadableStream | Uint8Array<ArrayBuffer>,
): Promise<Response> {
  const init = { method, headers: { authorization: `Bearer ${server.token}` }, body, duplex: 'half' };
  const response = await fetch(new URL(path, server.url), init as RequestInit);
  if (!response.ok)
    throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
  return response;
}

/** Resident bytes of the server process; its database counts separately. */
export async function residentBytes(server: BenchServer): Promise<number> {
  const status = await readFile(`/proc/${server.child.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}
