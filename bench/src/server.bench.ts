import { type ChildProcess, spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { inTurns, type Measurement, mib, ms, timed, times } from './measurement.ts';
import { rawSpawn } from './raw-spawn.ts';
import { openScratchBox } from './scratch-box.ts';

const MAIN = fileURLToPath(new URL('../../apps/boxyard/dist/main.js', import.meta.url));
const UPLOAD_BYTES = 2_000_000_000;

interface Server {
  readonly url: string;
  readonly token: string;
  readonly child: ChildProcess;
}

async function start(dataDir: string): Promise<Server> {
  const child = spawn(process.execPath, [MAIN, 'up', '--json', '--data-dir', dataDir, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await new Promise<string[]>((resolve, reject) => {
    createInterface({ input: child.stdout! }).once('line', (text) => resolve([text]));
    child.once('exit', (code) => reject(new Error(`The server ended with ${code}.`)));
  })) as [string];
  return { ...(JSON.parse(line) as { url: string; token: string }), child };
}

async function stop(server: Server): Promise<void> {
  const ended = new Promise((resolve) => server.child.once('exit', resolve));
  server.child.kill('SIGTERM');
  await ended;
}

/** Resident bytes of the server process; its database counts separately. */
async function residentBytes(server: Server): Promise<number> {
  const status = await readFile(`/proc/${server.child.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

export async function measureServer(): Promise<Measurement[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-bench-server-'));
  const rows: Measurement[] = [];
  try {
    let server!: Server;
    const first = await timed(async () => {
      server = await start(dataDir);
    });
    await stop(server);
    const later = await timed(async () => {
      server = await start(dataDir);
    });
    const node = await timed(() => rawSpawn(`'${process.execPath}' -e 0`, dataDir));
    const started = (what: string, ours: number): Measurement => ({
      what,
      ours: ms(ours),
      beside: `${ms(node)} node -e 0`,
      ratio: times(ours, node),
      goal: '–',
    });
    rows.push(started('first start to ready, database made', first), started('later start to ready', later));
    rows.push({
      what: 'memory at rest',
      ours: mib(await residentBytes(server)),
      beside: '–',
      ratio: '–',
      goal: '–',
    });
    rows.push(...(await measureRequests(server, dataDir)));
    await stop(server);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
  return rows;
}

async function measureRequests(server: Server, dataDir: string): Promise<Measurement[]> {
  const headers = { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' };
  const call = async (path: string, body: object) => {
    const response = await fetch(new URL(path, server.url), {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as { id: string };
  };
  const session = await call('/v1/workspaces/default/sessions', { start: true });
  const base = `/v1/workspaces/default/sessions/${session.id}`;
  await using scratch = await openScratchBox();
  const requests = await inTurns(
    {
      health: async () => (await fetch(new URL('/healthz', server.url))).text(),
      exec: () => call(`${base}/terminal/exec`, { command: 'echo hi' }),
      write: () => call(`${base}/fs/write`, { path: 'file.txt', content: 'hi' }),
      local: () => scratch.box.exec({ program: { script: 'echo hi' } }),
      commit: () => syncedWrite(join(dataDir, 'commit.probe')),
    },
    20,
  );
  const rows: Measurement[] = [
    {
      what: 'exec through HTTP',
      ours: ms(requests.exec),
      beside: `${ms(requests.local)} exec in a local box`,
      ratio: `+${ms(requests.exec - requests.local)}`,
      goal: '≤ +5 ms',
    },
    {
      what: 'file write through HTTP, recorded',
      ours: ms(requests.write),
      beside: `${ms(requests.commit)} one fsync here`,
      ratio: times(requests.write, requests.commit),
      goal: '–',
    },
    { what: 'smallest request', ours: ms(requests.health), beside: '–', ratio: '–', goal: '–' },
  ];
  rows.push(await measureUpload(server, base, dataDir));
  return rows;
}

/** What a durable commit costs on this disk at the least. */
async function syncedWrite(path: string): Promise<void> {
  const file = await open(path, 'a');
  await file.write('one row\n');
  await file.datasync();
  await file.close();
}

async function measureUpload(server: Server, base: string, dataDir: string): Promise<Measurement> {
  const before = await residentBytes(server);
  let peak = before;
  const watching = setInterval(async () => {
    peak = Math.max(peak, await residentBytes(server).catch(() => 0));
  }, 100);
  const zeros = createReadStream('/dev/zero', { end: UPLOAD_BYTES - 1, highWaterMark: 1024 * 1024 });
  const upload = await timed(async () => {
    const response = await fetch(new URL(`${base}/fs/content?path=big`, server.url), {
      method: 'PUT',
      headers: { authorization: `Bearer ${server.token}` },
      body: Readable.toWeb(zeros) as ReadableStream,
      duplex: 'half',
    } as RequestInit);
    if (!response.ok) throw new Error(`The upload was answered with ${response.status}.`);
    await response.text();
  });
  clearInterval(watching);
  const copy = await timed(() =>
    rawSpawn(`head -c ${UPLOAD_BYTES} /dev/zero | tee copy | sha256sum`, dataDir),
  );
  return {
    what: '2 GB upload, checked',
    ours: `${ms(upload)}, memory +${mib(peak - before)}`,
    beside: `${ms(copy)} tee and sha256sum`,
    ratio: times(upload, copy),
    goal: 'memory +64 MiB',
  };
}
