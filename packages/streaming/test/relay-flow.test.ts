// Slow readers, fast writers, cut links: nothing of a terminal is lost, and everything is bounded.
import { createHash, randomBytes, randomInt } from 'node:crypto';
import { connect, createServer, type Socket } from 'node:net';
import { StreamRole } from '@boxyard/agent-proto/messages';
import type { RelayStream } from '@boxyard/agent-proto/relay';
import { eventually } from '@tooling/eventually';
import { expect, test } from 'vitest';
import {
  agentToken,
  BarePeer,
  desktop,
  metric,
  readBytes,
  startRelay,
  terminal,
  viewerToken,
} from './running-relay.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const unlimited = { burstBytes: 1024 * MIB, bytesPerSecond: 1024 * MIB };

/** Writes until nothing more is taken for a while; returns the hash of what was. */
function flood(stream: RelayStream, chunkBytes: number) {
  const hash = createHash('sha256');
  const state = { takenBytes: 0, stop: false };
  const done = (async () => {
    while (!state.stop) {
      const chunk = randomBytes(chunkBytes);
      await stream.write(chunk);
      hash.update(chunk);
      state.takenBytes += chunk.length;
    }
    return hash.digest('hex');
  })();
  return { state, done };
}

async function settled(value: () => number): Promise<number> {
  for (let same = 0, last = -1; ; last = value()) {
    same = value() === last ? same + 1 : 0;
    if (same > 40) return last;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('a reader that does not read stops the machine far away, and then reads all of it', async () => {
  await using running = await startRelay({ limits: unlimited });
  const channel = terminal();
  const producer = await running.agent().produce(channel);
  const viewer = await running.viewer().consume(channel);
  const { state, done } = flood(producer, 50 * KIB);
  const taken = await settled(() => state.takenBytes);
  // What waits at the machine, at the relay and at the viewer, each a MiB or less.
  expect(taken).toBeGreaterThan(256 * KIB);
  expect(taken).toBeLessThan(4 * MIB);
  expect(running.relay.now().heldBytes).toBeLessThan(2 * MIB);
  state.stop = true;
  const hash = createHash('sha256');
  const read = (async () => {
    for await (const event of viewer.read()) if (event.kind === 'data') hash.update(event.bytes);
  })();
  const expected = await done;
  await producer.close();
  await read;
  expect(hash.digest('hex')).toBe(expected);
});

test('frames of one byte are no cheaper than the memory they take', async () => {
  await using running = await startRelay({ limits: unlimited });
  const channel = terminal();
  const producer = await running.agent().produce(channel);
  const viewer = await running.viewer().consume(channel);
  const { state } = flood(producer, 1);
  const taken = await settled(() => state.takenBytes);
  expect(taken).toBeLessThan((4 * MIB) / 64);
  expect(running.relay.now().heldBytes).toBeLessThan(2 * MIB);
  state.stop = true;
  const read = readBytes(viewer);
  await producer.close();
  expect((await read).length).toBeGreaterThanOrEqual(taken);
});

test('peers without acks are made to wait by their sockets, and lose nothing either', async () => {
  await using running = await startRelay({ limits: unlimited });
  const channel = terminal();
  const viewer = await running.viewer().consume(channel);
  using agent = await BarePeer.connect(running, channel);
  agent.open(channel, StreamRole.AGENT, agentToken());
  const chunk = randomBytes(64 * KIB);
  const sent = 400;
  for (let seq = 0; seq < sent; seq++) agent.frame(channel.channelId, seq, chunk);
  const held = await settled(() => running.relay.now().heldBytes);
  expect(held).toBeLessThan(2 * MIB);
  expect(agent.socket.bufferedAmount).toBeGreaterThan(0);
  const expected = createHash('sha256');
  for (let seq = 0; seq < sent; seq++) expected.update(chunk);
  const actual = createHash('sha256').update(await readBytes(viewer, sent * chunk.length));
  expect(actual.digest('hex')).toBe(expected.digest('hex'));
  await viewer.close();
});

test('a viewer that has stopped to read does not hold up the others for ever, and is told what it missed', async () => {
  await using running = await startRelay({ limits: { ...unlimited, stallMs: 100 } });
  const channel = terminal();
  const producer = await running.agent().produce(channel);
  const asleep = await running.viewer().consume(channel);
  const awake = await running.viewer().consume(channel);
  const chunk = randomBytes(64 * KIB);
  const all = readBytes(awake, 128 * chunk.length);
  for (let round = 0; round < 128; round++) await producer.write(chunk);
  expect((await all).length).toBe(128 * chunk.length);
  const kinds: string[] = [];
  const woken = (async () => {
    for await (const event of asleep.read()) kinds.push(event.kind);
  })();
  await producer.close();
  await woken;
  expect(kinds.filter((kind) => kind === 'gap')).toHaveLength(1);
  expect(kinds.length).toBeLessThan(128);
});

test('of a desktop a slow viewer gets the newest picture, and slows nobody', async () => {
  await using running = await startRelay({ limits: unlimited });
  const channel = desktop();
  const producer = await running.agent().produce(channel);
  const fast = await running.viewer().consume(channel);
  using slow = await BarePeer.connect(running, channel);
  slow.open(channel, StreamRole.CLIENT, viewerToken(channel));
  await eventually('the slow one is in', () => slow.heard.length === 1);
  slow.socket.pause();
  const picture = (number: number) => Buffer.alloc(512 * KIB, number);
  const seen: number[] = [];
  const watching = (async () => {
    for await (const event of fast.read()) {
      if (event.kind !== 'data') continue;
      expect(event.bytes.length).toBe(512 * KIB);
      seen.push(event.bytes[0]!);
      if (event.bytes[0] === 100) return;
    }
  })();
  for (let number = 1; number <= 100; number++) {
    await producer.write(picture(number));
    await eventually('the fast one has it', () => seen.at(-1) === number);
    expect(running.relay.now().heldBytes).toBeLessThan(MIB);
  }
  await watching;
  slow.socket.resume();
  const pictures = () => slow.heard.flatMap((each) => (each.kind === 'frame' ? each.value.data[0]! : []));
  await eventually('the slow one has the newest', () => pictures().at(-1) === 100);
  // What its socket had swallowed, and then the newest: far from all.
  expect(pictures().length).toBeLessThan(60);
  await Promise.all([fast.close(), producer.close()]);
});

test('a side that is too fast is read more slowly and not cut', async () => {
  await using running = await startRelay({ limits: { burstBytes: 100 * KIB, bytesPerSecond: 2 * MIB } });
  const channel = terminal();
  const producer = await running.agent().produce(channel);
  const viewer = await running.viewer().consume(channel);
  const output = randomBytes(MIB);
  const read = readBytes(viewer, output.length);
  await producer.write(output);
  expect((await read).equals(output)).toBe(true);
  expect(await metric(running, 'throttled_total')).toBeGreaterThan(3);
  await Promise.all([viewer.close(), producer.close()]);
});

test('when all streams together hold too much, machines wait, and go on when there is room', async () => {
  await using running = await startRelay({ limits: { ...unlimited, totalBytes: 2 * MIB } });
  const streams = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const channel = terminal();
      const producer = await running.agent().produce(channel);
      const viewer = await running.viewer({ windowBytes: 1 }).consume(channel);
      return { producer, viewer, output: randomBytes(900 * KIB) };
    }),
  );
  const written = streams.map(({ producer, output }) => producer.write(output));
  const held = await settled(() => running.relay.now().heldBytes);
  // Each may be in the middle of a frame or a window when it is full.
  expect(held).toBeLessThan(6 * MIB);
  const read = await Promise.all(streams.map(({ viewer, output }) => readBytes(viewer, output.length)));
  await Promise.all(written);
  for (const [index, { output }] of streams.entries()) expect(read[index]!.equals(output)).toBe(true);
  await Promise.all(streams.flatMap(({ producer, viewer }) => [viewer.close(), producer.close()]));
});

test('links that are cut again and again lose nothing, in neither direction', async () => {
  await using running = await startRelay({ limits: unlimited });
  await using cutting = await startCuttingProxy(running.port);
  const channel = terminal();
  const url = `ws://127.0.0.1:${cutting.port}`;
  const producer = await running.agent({ url }).produce(channel);
  const viewer = await running.viewer({ url }).consume(channel);
  const output = randomBytes(8 * MIB);
  const typed = randomBytes(2 * MIB);
  const both = Promise.all([readBytes(viewer, output.length), readBytes(producer, typed.length)]);
  const write = async (stream: RelayStream, bytes: Buffer) => {
    for (let at = 0; at < bytes.length; at += 30 * KIB) await stream.write(bytes.subarray(at, at + 30 * KIB));
  };
  await Promise.all([write(producer, output), write(viewer, typed)]);
  const [outputRead, typedRead] = await both;
  expect(outputRead.equals(output)).toBe(true);
  expect(typedRead.equals(typed)).toBe(true);
  expect(cutting.cuts()).toBeGreaterThanOrEqual(20);
  await Promise.all([viewer.close(), producer.close()]);
});

test('a relay that is started again in the middle costs nothing but time', async () => {
  let running = await startRelay({ limits: unlimited });
  const channel = terminal();
  const producer = await running.agent().produce(channel);
  const viewer = await running.viewer().consume(channel);
  const output = randomBytes(6 * MIB);
  const typed = Buffer.from('typed while there was no relay');
  const read = readBytes(viewer, output.length);
  const heard = readBytes(producer, 2 * typed.length);
  await viewer.write(typed);
  const written = (async () => {
    for (let at = 0; at < output.length; at += 64 * KIB) {
      await producer.write(output.subarray(at, at + 64 * KIB));
      if (at !== 3 * MIB) continue;
      const { port } = running;
      await running[Symbol.asyncDispose]();
      await viewer.write(typed);
      running = await startRelay({ limits: unlimited }, port);
    }
  })();
  await written;
  expect((await read).equals(output)).toBe(true);
  expect((await heard).toString()).toBe(`${typed}${typed}`);
  await Promise.all([viewer.close(), producer.close()]);
  await running[Symbol.asyncDispose]();
});

/** Passes bytes on and resets both sides of a connection after so many of them, in the middle of whatever it is. */
async function startCuttingProxy(target: number) {
  let cuts = 0;
  const sockets = new Set<Socket>();
  const server = createServer((from) => {
    const to = connect(target, '127.0.0.1');
    // The first connections are long enough to get anywhere; later ones are cut until there were enough.
    let left = cuts < 20 ? randomInt(10 * KIB, 700 * KIB) : Number.POSITIVE_INFINITY;
    const pass = (source: Socket, sink: Socket) => {
      sockets.add(source);
      source.on('error', () => {});
      source.on('close', () => {
        sockets.delete(source);
        sink.destroy();
      });
      source.on('data', (chunk) => {
        if (chunk.length > left) {
          sink.write(chunk.subarray(0, left));
          cuts += 1;
          left = 0;
          source.resetAndDestroy();
          sink.resetAndDestroy();
          return;
        }
        left -= chunk.length;
        if (sink.write(chunk)) return;
        source.pause();
        sink.once('drain', () => source.resume());
      });
    };
    pass(from, to);
    pass(to, from);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The proxy listens nowhere.');
  return {
    port: address.port,
    cuts: () => cuts,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
