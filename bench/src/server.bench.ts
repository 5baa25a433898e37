import { createReadStream } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type BenchServer, post, residentBytes, send, startServer, stopServer } from './bench-server.ts';
import { inTurns, type Measurement, mib, ms, timed, times } from './measurement.ts';
import { rawSpawn } from './raw-spawn.ts';
import { openScratchBox } from './scratch-box.ts';

const UPLOAD_BYTES = 2_000_000_000;

export async function measureServer(): Promise<Measurement[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-bench-server-'));
  const rows: Measurement[] = [];
  try {
    let server!: BenchServer;
    const first = await timed(async () => {
      server = await startServer(dataDir);
    });
    await stopServer(server);
    const later = await timed(async () => {
      server = await startServer(dataDir);
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
    await stopServer(server);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
  return rows;
}

async function measureRequests(server: BenchServer, dataDir: string): Promise<Measurement[]> {
  const session = await post<{ id: string }>(server, '/v1/workspaces/default/sessions', { start: true });
  const base = `/v1/workspaces/default/sessions/${session.id}`;
  await using scratch = await openScratchBox();
  const requests = await inTurns(
    {
      health: async () => (await fetch(new URL('/healthz', server.url))).text(),
      exec: () => post(server, `${base}/terminal/exec`, { command: 'echo hi' }),
      write: () => post(server, `${base}/fs/write`, { path: 'file.txt', content: 'hi' }),
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

async function measureUpload(server: BenchServer, base: string, dataDir: string): Promise<Measurement> {
  const before = await residentBytes(server);
  let peak = before;
  const watching = setInterval(async () => {
    peak = Math.max(peak, await residentBytes(server).catch(() => 0));
  }, 100);
  const zeros = createReadStream('/dev/zero', { end: UPLOAD_BYTES - 1, highWaterMark: 1024 * 1024 });
  const upload = await timed(async () => {
    const body = Readable.toWeb(zeros) as ReadableStream;
    await (await send(server, 'PUT', `${base}/fs/content?path=big`, body)).text();
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
