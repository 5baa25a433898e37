// What flows from a real agent's machine through a real relay: connections to its ports, and terminals as a page in a
// browser shows them. What is slow makes the machine wait, and nothing is lost or held for ever.
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { RelayChannel } from '@boxyard/agent-proto/relay';
import { mintStreamToken } from '@boxyard/sandbox-core';
import type { MachineBox, MachineBoxOptions } from '@boxyard/selfhosted';
import { eventually } from '@tooling/eventually';
import { needs } from '@tooling/system-parts';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openTestMachine, type TestMachine } from './agent-process.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { WebViewer } from './web-viewer.ts';

const MIB = 1024 * 1024;
const LONG = randomBytes(3 * MIB);
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe('through the relay', needs('nats-server'), () => {
  let plane: ControlPlane;
  let machine: TestMachine;
  /** What is on the machine; it answers as the test says. */
  let server: Server;
  let answer: (socket: Socket) => void = (socket) => void socket.destroy();
  beforeAll(async () => {
    plane = await startControlPlane();
    machine = await openTestMachine();
    server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {});
      answer(socket);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const flags = [
      '--server',
      plane.url,
      '--token',
      await plane.enrollmentToken(),
      '--port',
      String(portOf()),
    ];
    const agent = machine.start(['up', ...flags]);
    await eventually('it is connected', () => plane.hellos.length > 0 || agent.child.exitCode !== null);
  });
  afterAll(async () => {
    await machine?.[Symbol.asyncDispose]();
    server?.close();
    await plane?.[Symbol.asyncDispose]();
  });

  const portOf = () => (server.address() as AddressInfo).port;
  const theRelay: NonNullable<MachineBoxOptions['relay']> = () => ({
    url: plane.relayUrl,
    token: ({ workspaceId, agentId, channelId, port }) => {
      const own = { sessionId: channelId, viewerId: channelId, sandboxGroupId: agentId, leaseEpoch: 0 };
      const claims = {
        workspaceId,
        agentId,
        channelId,
        port,
        kind: 'port',
        mode: 'control',
        ...own,
      } as const;
      return mintStreamToken(plane.tokenSecret, claims).token;
    },
  });
  const relayed = () => plane.relay.readings().boxyard_relay_received_bytes_total[0]?.value ?? 0;

  async function openBox(relay: MachineBoxOptions['relay']): Promise<MachineBox> {
    const box = await plane.openMachine({}, relay);
    onTestFinished(() => box.close());
    return box;
  }
  async function dial(box: MachineBox, port = portOf()): Promise<Socket> {
    if (!box.capabilities.ports.available) throw new Error('The machine opens no ports.');
    const { url } = await box.capabilities.ports.use.expose(port);
    const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', allowHalfOpen: true });
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    return socket;
  }

  /** Resolves with a number that has not changed for a while. */
  async function standsStill(read: () => Promise<number>): Promise<number> {
    let seen = -1;
    const isStill = async () => {
      const before = seen;
      seen = await read();
      return seen > 0 && seen === before;
    };
    await expect.poll(isStill, { timeout: 30_000, interval: 1000 }).toBe(true);
    return seen;
  }

  test('ports are reached, in both directions, and each direction ends by itself', async () => {
    const heard: string[] = [];
    answer = (socket) =>
      void buffer(socket).then((said) => {
        heard.push(sha256(said));
        socket.end(LONG);
      });
    const socket = await dial(await openBox(theRelay));
    const before = relayed();
    socket.end(LONG);
    expect(sha256(await buffer(socket))).toBe(sha256(LONG));
    expect(heard).toEqual([sha256(LONG)]);
    expect(relayed() - before).toBeGreaterThan(2 * LONG.length);
    await eventually('nothing is left at the relay', () => plane.relay.now().channels === 0);
  });

  test('a connection to a port that is cut in the middle shows it', async () => {
    answer = (socket) => {
      socket.write('half of it');
      socket.once('data', () => socket.resetAndDestroy());
    };
    const socket = await dial(await openBox(theRelay));
    expect(String((await once(socket, 'data'))[0])).toBe('half of it');
    const failed = once(socket, 'end').catch((error: NodeJS.ErrnoException) => error.code);
    socket.write('go on');
    expect(await failed).toBe('ECONNRESET');
  });

  test('the machine is told when whoever was connected to its port has gone', async () => {
    const gone = Promise.withResolvers<void>();
    answer = (socket) => {
      socket.once('close', () => gone.resolve());
      socket.write('hello');
    };
    const socket = await dial(await openBox(theRelay));
    await once(socket, 'data');
    socket.resetAndDestroy();
    await gone.promise;
    await eventually('nothing is left at the relay', () => plane.relay.now().channels === 0);
  });

  test('a reader of a port that does not read makes the machine wait', async () => {
    let written = 0;
    answer = (socket) => {
      const write = () => {
        while (socket.writable && socket.write(LONG.subarray(0, MIB / 4))) written += MIB / 4;
      };
      socket.on('drain', write);
      write();
    };
    const socket = await dial(await openBox(theRelay));
    socket.pause();
    const held = () => plane.relay.now().heldBytes;
    await eventually('the relay is full', () => held() >= MIB / 2);
    const seen = await standsStill(async () => written);
    expect(held()).toBeLessThan(2 * MIB);
    // What stands still goes on as soon as somebody reads.
    socket.resume();
    await eventually('it goes on', () => written > seen);
  });

  test('ports go over the bus where there is no relay, and where one of the two does not get there', async () => {
    await eventually('nothing is left at the relay', () => plane.relay.now().channels === 0);
    answer = (socket) => void socket.end(LONG);
    const elsewhere = (channel: RelayChannel) =>
      theRelay()?.token({ ...channel, channelId: randomUUID() }) ?? '';
    for (const relay of [undefined, () => null, () => ({ url: plane.relayUrl, token: elsewhere })]) {
      const before = relayed();
      const socket = await dial(await openBox(relay));
      expect(sha256(await buffer(socket))).toBe(sha256(LONG));
      socket.end();
      // What the machine's side has begun to say there, to nobody.
      expect(relayed() - before).toBeLessThan(LONG.length / 2);
    }
  });

  test('no port is reached that its owner does not open', async () => {
    const before = plane.relay.now().channels;
    const socket = await dial(await openBox(theRelay), 1);
    expect(await once(socket, 'end').catch((error: NodeJS.ErrnoException) => error.code)).toBe('ECONNRESET');
    await eventually('nothing of it is left at the relay', () => plane.relay.now().channels <= before);
  });

  test('a page in a browser has a terminal: one types, others watch, and who stops to show makes the program wait', {
    timeout: 120_000,
  }, async () => {
    const LINES = 5000;
    const box = await openBox(theRelay);
    const { channel } = await box.screen.openTerminal({ cols: 80, rows: 24, command: ['/bin/sh'] });
    const sessionId = randomUUID();
    const tokenFor = (mode: 'view' | 'control') => {
      const viewer = { sessionId, viewerId: randomUUID(), sandboxGroupId: randomUUID(), leaseEpoch: 1, mode };
      return mintStreamToken(plane.tokenSecret, { ...channel, ...viewer, kind: 'terminal' }).token;
    };
    using page = new WebViewer(plane.relayUrl, channel, tokenFor('control'), 64 * 1024);
    await eventually('the page is let in', () => page.accepted === true);
    page.type('stty -echo -onlcr; echo "ready $((40 + 2))"\n');
    await eventually('the shell answers', () => page.text().includes('ready 42'));
    using watcher = new WebViewer(plane.relayUrl, channel, tokenFor('view'), 64 * 1024);
    await eventually('who watches sees what was before', () => watcher.text().includes('ready 42'));
    watcher.type('echo typed by who watches\n');

    page.stopShowing();
    watcher[Symbol.dispose]();
    const shown = page.bytes;
    const count = `i=0; while [ $i -lt ${LINES} ] && [ -d ~ ]; do printf 'line %01000d\\n' $i; i=$((i+1)); echo $i > printed; done; echo over`;
    page.type(`${count}\n`);
    const printed = () => readFile(join(machine.home, 'printed'), 'utf8').then(Number, () => 0);
    await standsStill(printed);
    expect(await printed()).toBeGreaterThan(0);
    expect(await printed()).toBeLessThan(LINES);
    expect(page.bytes - shown).toBeLessThan(3 * 64 * 1024);
    expect(plane.relay.now().heldBytes).toBeLessThan(2 * MIB);

    page.showOn();
    await eventually('all of it was shown', () => page.text().includes('over'));
    const numbers = [...page.text().matchAll(/line (\d+)$/gm)].map(([, digits]) => Number(digits));
    expect(numbers).toEqual(Array.from({ length: LINES }, (_, index) => index));
    expect(page.text()).not.toContain('typed by who watches');
    page.type('exit\n');
    expect(await page.closed).toBe(1000);
  });
});
