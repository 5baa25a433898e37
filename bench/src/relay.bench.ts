import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { StreamKind } from '@boxyard/agent-proto/messages';
import { RelayDialler, type RelayEvent, type RelayStream } from '@boxyard/agent-proto/relay';
import { mintMachineToken, mintStreamToken } from '@boxyard/sandbox-core';
import { WebSocket } from 'ws';
import { inTurns, type Measurement, median, ms, timed } from './measurement.ts';

const FRAME_BYTES = 64 * 1024;
const FLOOD_FRAMES = 3200;
const SECRET = 'only for this measurement';

/** Two ends with something between them; each end writes frames and reads bytes. */
interface Pipe extends AsyncDisposable {
  readonly there: { readonly write: (bytes: Uint8Array) => Promise<void> };
  /** Sends a few bytes there, which are sent back. */
  roundTrip(): Promise<void>;
  /** Resolves once so many bytes came through. */
  arrived(bytes: number): Promise<void>;
}

export async function measureRelay(): Promise<Measurement[]> {
  await using ours = await relayPipe();
  await using bare = await barePipe();
  const trip = await inTurns({ ours: () => ours.roundTrip(), bare: () => bare.roundTrip() }, 200);
  const flood = { ours: [] as number[], bare: [] as number[] };
  for (let round = 0; round < 5; round++) {
    flood.ours.push(await timed(() => floodThrough(ours)));
    flood.bare.push(await timed(() => floodThrough(bare)));
  }
  const [oursMs, bareMs] = [median(flood.ours), median(flood.bare)];
  return [
    {
      what: 'there and back through the relay',
      ours: ms(trip.ours),
      beside: `${ms(trip.bare)} a bare websocket pipe`,
      ratio: `+${ms(trip.ours - trip.bare)}`,
      goal: '≤ +0.5 ms',
    },
    {
      what: '200 MB through the relay',
      ours: ms(oursMs),
      beside: `${ms(bareMs)} a bare websocket pipe`,
      ratio: `${((100 * bareMs) / oursMs).toFixed(0)} % of its rate`,
      goal: '≥ 70 %',
    },
  ];
}

async function floodThrough(pipe: Pipe): Promise<void> {
  const frame = new Uint8Array(FRAME_BYTES);
  const arrived = pipe.arrived(FRAME_BYTES * FLOOD_FRAMES);
  for (let count = 0; count < FLOOD_FRAMES; count++) await pipe.there.write(frame);
  await arrived;
}

/** Counts what comes, and tells when it was enough. */
class Arrivals {
  #missing = 0;
  #enough: () => void = () => {};

  expect(bytes: number): Promise<void> {
    this.#missing = bytes;
    return new Promise((resolve) => {
      this.#enough = resolve;
    });
  }

  add(bytes: number): void {
    this.#missing -= bytes;
    if (this.#missing <= 0) this.#enough();
  }
}

async function relayPipe(): Promise<Pipe> {
  const between = await startBetween('relay', SECRET);
  const url = `ws://127.0.0.1:${between.port}`;
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const machine = { workspaceId: randomUUID(), agentId: randomUUID() };
  const channel = { ...machine, channelId: randomUUID(), kind: StreamKind.PTY, port: 7681 };
  const viewer = { sessionId: randomUUID(), viewerId: randomUUID(), sandboxGroupId: randomUUID() };
  const claims = { ...channel, ...viewer, kind: 'terminal', leaseEpoch: 1, mode: 'control' } as const;
  const agentToken = mintMachineToken('relay', { ...machine, exp }, SECRET);
  const viewerToken = mintStreamToken(SECRET, claims, { ttlMs: 3_600_000 }).token;
  const here = await new RelayDialler({ url, token: () => viewerToken }).consume(channel);
  const there = await new RelayDialler({ url, token: () => agentToken }).produce(channel);
  const arrivals = new Arrivals();
  const back = new Arrivals();
  void readAll(there, (bytes) => void there.write(bytes));
  void readAll(here, (bytes) => {
    arrivals.add(bytes.length);
    back.add(bytes.length);
  });
  return {
    there,
    arrived: (bytes) => arrivals.expect(bytes),
    async roundTrip() {
      const answered = back.expect(1);
      await here.write(new Uint8Array(64));
      await answered;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([here.close({ deadlineMs: 1000 }), there.close({ deadlineMs: 1000 })]);
      await between.stop();
    },
  };
}

async function readAll(stream: RelayStream, each: (bytes: Uint8Array) => void): Promise<void> {
  const tell = (event: RelayEvent) => {
    if (event.kind === 'data') each(event.bytes);
  };
  for await (const event of stream.read()) tell(event);
}

async function barePipe(): Promise<Pipe> {
  const between = await startBetween('bare');
  const [here, there] = await Promise.all(
    [0, 1].map(async () => {
      const socket = new WebSocket(`ws://127.0.0.1:${between.port}`, { perMessageDeflate: false });
      await once(socket, 'open');
      return socket;
    }),
  );
  if (here === undefined || there === undefined) throw new Error('The bare pipe lacks an end.');
  const arrivals = new Arrivals();
  const back = new Arrivals();
  there.on('message', (data) => there.send(data));
  here.on('message', (data) => {
    const { length } = data as Buffer;
    arrivals.add(length);
    back.add(length);
  });
  return {
    there: {
      // As much may wait in this process as in the other pipe.
      write: (bytes) =>
        new Promise((resolve) => {
          there.send(bytes, () => there.bufferedAmount < 1024 * 1024 && resolve());
          if (there.bufferedAmount < 1024 * 1024) resolve();
        }),
    },
    arrived: (bytes) => arrivals.expect(bytes),
    async roundTrip() {
      const answered = back.expect(1);
      here.send(new Uint8Array(64));
      await answered;
    },
    async [Symbol.asyncDispose]() {
      here.terminate();
      there.terminate();
      await between.stop();
    },
  };
}

async function startBetween(...args: readonly string[]) {
  const script = fileURLToPath(new URL('relay-process.ts', import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    port: Number(line.toString()),
    async stop() {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    },
  };
}
