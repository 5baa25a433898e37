import { randomBytes, randomUUID } from 'node:crypto';
import {
  PointerAction,
  PointerEventSchema,
  StreamCloseReason,
  StreamKind,
  StreamRole,
} from '@boxyard/agent-proto/messages';
import type { RelayStream } from '@boxyard/agent-proto/relay';
import { create } from '@bufbuild/protobuf';
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

test('what a machine and its viewers say comes over, in order and whole', async () => {
  await using running = await startRelay();
  const channel = terminal();
  const producer = await running.agent().produce(channel);
  const [one, two] = [await running.viewer().consume(channel), await running.viewer().consume(channel)];
  const output = randomBytes(700_000);
  const read = [readBytes(one), readBytes(two)];
  const input = readBytes(producer, 300_000);
  await producer.write(output);
  const typed = randomBytes(300_000);
  await two.write(typed);
  expect(await input).toEqual(typed);
  await producer.close({ reason: StreamCloseReason.PROCESS_EXIT, message: 'exit 0' });
  for (const bytes of await Promise.all(read)) expect(bytes.equals(output)).toBe(true);
  expect(await one.ended).toEqual({ reason: StreamCloseReason.PROCESS_EXIT, message: 'exit 0', error: null });
  await eventually('nothing is kept', () => running.relay.now().channels === 0);
  expect(running.relay.now().heldBytes).toBe(0);
});

test('whoever comes late reads what is still there, and whoever comes again goes on where it was', async () => {
  await using running = await startRelay();
  const channel = terminal();
  const producer = await running.agent().produce(channel);
  await producer.write(Buffer.from('first '));
  await producer.write(Buffer.from('second'));
  const late = await running.viewer().consume(channel);
  expect((await readBytes(late, 12)).toString()).toBe('first second');
  const again = await running.viewer().consume(channel, { resumeFromSeq: 1 });
  expect((await readBytes(again, 6)).toString()).toBe('second');
  await Promise.all([late.close(), again.close(), producer.close()]);
});

test('it does not matter who comes first', async () => {
  await using running = await startRelay();
  const channel = terminal();
  const viewer = await running.viewer().consume(channel);
  await viewer.write(Buffer.from('typed ahead'));
  const producer = await running.agent().produce(channel);
  expect((await readBytes(producer, 11)).toString()).toBe('typed ahead');
  await producer.write(Buffer.from('hello'));
  expect((await readBytes(viewer, 5)).toString()).toBe('hello');
  await Promise.all([viewer.close(), producer.close()]);
});

test('peers that know no acks are served alike, also when they do not wait for the answer', async () => {
  await using running = await startRelay();
  const channel = terminal();
  using agent = await BarePeer.connect(running, channel);
  agent.open(channel, StreamRole.AGENT, agentToken());
  agent.frame(channel.channelId, 0, Buffer.from('a')).frame(channel.channelId, 1, Buffer.from('b'));
  using viewer = await BarePeer.connect(running, channel);
  viewer
    .open(channel, StreamRole.CLIENT, viewerToken(channel))
    .frame(channel.channelId, 0, Buffer.from('in'));
  const frames = (peer: BarePeer) =>
    peer.heard.flatMap((message) =>
      message.kind === 'frame' ? Buffer.from(message.value.data).toString() : [],
    );
  await eventually('both heard', () => frames(viewer).join('') === 'ab' && frames(agent).join('') === 'in');
  expect(viewer.heard[0]).toMatchObject({ kind: 'openAck', value: { accepted: true, windowBytes: 0n } });
  expect(viewer.heard.some(({ kind }) => kind === 'ack')).toBe(false);
});

test('an older agent that names no channel in its address is paired by its first message', async () => {
  await using running = await startRelay();
  const channel = terminal();
  const { url } = running;
  using agent = new BarePeer(`${url}/stream?ws=${channel.workspaceId}&agent=${channel.agentId}&port=7681`);
  await new Promise((resolve) => agent.socket.once('open', resolve));
  agent.open(channel, StreamRole.AGENT, agentToken()).frame(channel.channelId, 0, Buffer.from('old'));
  const viewer = await running.viewer().consume(channel);
  expect((await readBytes(viewer, 3)).toString()).toBe('old');
  await viewer.close();
});

test('who only watches can say nothing', async () => {
  await using running = await startRelay();
  const channel = desktop();
  const producer = await running.agent().produce(channel);
  const watcher = await running.viewer({ mode: 'view' }).consume(channel);
  const driver = await running.viewer({ mode: 'control' }).consume(channel);
  const pointer = (x: number) => ({
    case: 'pointer' as const,
    value: create(PointerEventSchema, { x, y: 1, action: PointerAction.CLICK }),
  });
  watcher.sendInput(pointer(1));
  await watcher.write(Buffer.from('typed'));
  await eventually(
    'the watcher was heard',
    async () => (await metric(running, 'dropped_total{reason="view_mode"}')) === 2,
  );
  const overstepped = running.notices.filter(({ kind }) => kind === 'overstepped');
  expect(overstepped).toMatchObject([{ ticket: { viewer: { mode: 'view' } } }]);
  driver.sendInput(pointer(2));
  for await (const event of producer.read()) {
    expect(event).toMatchObject({ kind: 'input', input: { event: pointer(2) } });
    break;
  }
  await Promise.all([watcher.close({ deadlineMs: 10 }), driver.close(), producer.close()]);
});

test('a connection to a port ends for the machine when its one user closes it, after all was delivered', async () => {
  await using running = await startRelay();
  const channel = { ...terminal(), kind: StreamKind.PORT, port: 3000 };
  const producer = await running.agent().produce(channel);
  const user = await running.viewer().consume(channel);
  const request = randomBytes(200_000);
  const heard = readBytes(producer);
  await user.write(request);
  await user.close();
  expect((await heard).equals(request)).toBe(true);
  expect((await producer.ended).error).toBeNull();
});

test('each side of a connection to a port says by itself that it has nothing more to say', async () => {
  await using running = await startRelay();
  const channel = { ...terminal(), kind: StreamKind.PORT, port: 3000 };
  const producer = await running.agent().produce(channel);
  const user = await running.viewer().consume(channel);
  const heard: string[] = [];
  const listen = async (name: string, stream: RelayStream) => {
    for await (const event of stream.read()) {
      heard.push(`${name} ${event.kind === 'data' ? Buffer.from(event.bytes).toString() : event.kind}`);
      if (event.kind === 'finished') break;
    }
  };
  await user.write(Buffer.from('question'));
  await user.finishWriting();
  await listen('machine', producer);
  await producer.write(Buffer.from('answer'));
  await producer.finishWriting();
  await listen('user', user);
  expect(heard).toEqual(['machine question', 'machine finished', 'user answer', 'user finished']);
  await Promise.all([user.close(), producer.close()]);
  const typed = await running.agent().produce(terminal());
  await expect(typed.finishWriting()).rejects.toMatchObject({ code: 'not-allowed' });
  await typed.close({ deadlineMs: 10 });
});

test('what the one user of a port has not read does not stay when it has gone', async () => {
  await using running = await startRelay();
  const channel = { ...terminal(), kind: StreamKind.PORT, port: 3000 };
  const producer = await running.agent().produce(channel);
  const user = await running.viewer({ windowBytes: 1024 }).consume(channel);
  await producer.write(randomBytes(200_000));
  await eventually('much of it is held', () => running.relay.now().heldBytes > 100_000);
  await user.close();
  expect((await producer.ended).error).toBeNull();
  await eventually('nothing is left', () => running.relay.now().channels === 0);
  expect(running.relay.now().heldBytes).toBe(0);
});

test('a terminal goes on when its viewer leaves', async () => {
  await using running = await startRelay();
  const channel = terminal();
  const producer = await running.agent().produce(channel);
  const first = await running.viewer().consume(channel);
  await first.close();
  await producer.write(Buffer.from('still here'));
  const second = await running.viewer().consume(channel);
  expect((await readBytes(second, 10)).toString()).toBe('still here');
  await Promise.all([second.close(), producer.close()]);
});

test('the newest producer counts, and the older one is told so', async () => {
  await using running = await startRelay();
  const channel = terminal();
  const older = await running.agent().produce(channel);
  const newer = await running.agent().produce(channel);
  expect((await older.ended).error).toMatchObject({ code: 'replaced' });
  const viewer = await running.viewer().consume(channel);
  await newer.write(Buffer.from('newer'));
  expect((await readBytes(viewer, 5)).toString()).toBe('newer');
  await Promise.all([viewer.close(), newer.close()]);
});

test('another machine, another port and another channel are other streams', async () => {
  await using running = await startRelay();
  const channel = terminal();
  const producer = await running.agent().produce(channel);
  for (const other of [
    { ...channel, port: 7682 },
    { ...channel, channelId: randomUUID() },
  ]) {
    const viewer = await running.viewer().consume(other);
    await producer.write(Buffer.from('secret'));
    expect(running.relay.now()).toMatchObject({ channels: 2, viewers: 1 });
    await viewer.close();
  }
  await producer.close({ deadlineMs: 10 });
});
