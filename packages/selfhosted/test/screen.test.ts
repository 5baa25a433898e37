import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DisplaySchema, ErrorCode, PointerAction, StreamKind } from '@boxyard/agent-proto/messages';
import { localProvider } from '@boxyard/providers-local';
import { MemoryBox } from '@boxyard/sandbox-conformance';
import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { machineReason } from '../src/index.ts';
import type { RelayDuplex, MachineScreen as Screen } from '../src/server/index.ts';
import { servedMachine } from './served-machine.ts';

function screenOf(events: unknown[]): Screen {
  return {
    display: create(DisplaySchema, { id: ':0', width: 3840, height: 2160 }),
    input: async (event) => void events.push(event),
    screenshot: async () => ({
      png: new Uint8Array([137, 80]),
      width: 1920,
      height: 1080,
      nativeWidth: 3840,
      nativeHeight: 2160,
    }),
  };
}

const click = {
  case: 'pointer',
  value: { x: 10, y: 20, action: PointerAction.CLICK },
} as const;

test('a screen can be looked at without consent, and touched only with it', async () => {
  const events: unknown[] = [];
  const served = servedMachine(new MemoryBox(), { screen: screenOf(events) });
  const { screen } = served.open();
  expect(await screen.screenshot()).toMatchObject({ width: 1920, nativeWidth: 3840 });
  const refused = await screen.input(click).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: 'denied', started: 'no' });
  expect(machineReason(refused)).toBe('consent_required');
  expect(events).toEqual([]);
  await expect(screen.ensure({ width: 800, height: 600 })).rejects.toMatchObject({ code: 'unsupported' });
  await served.server.close();

  const consented = servedMachine(new MemoryBox(), { screen: screenOf(events), screenControl: true });
  await consented.open().screen.input(click);
  expect(events).toMatchObject([{ case: 'pointer', value: { x: 10, y: 20 } }]);
  await consented.server.close();
});

test('a screen that cannot be seen now is announced with the reason, and no display', async () => {
  const screen = { ...screenOf([]), display: null, unavailable: 'nobody has signed in' };
  const { open, server } = servedMachine(new MemoryBox(), { screen });
  const { capabilities } = server.hello();
  expect(capabilities).toMatchObject({ desktop: false, desktopUnavailableReason: 'nobody has signed in' });
  expect(capabilities?.display).toBeUndefined();
  await open().close();
  await server.close();

  const seen = servedMachine(new MemoryBox(), { screen: screenOf([]) });
  expect(seen.server.hello().capabilities).toMatchObject({
    desktop: true,
    desktopUnavailableReason: '',
    display: { id: ':0', width: 3840 },
  });
  await seen.server.close();
});

test('a machine without a screen says so', async () => {
  const { open, ask, server } = servedMachine(new MemoryBox());
  await expect(open().screen.screenshot()).rejects.toMatchObject({ code: 'unsupported' });
  expect((await ask({ case: 'desktopEnsure', value: {} })).error?.code).toBe(ErrorCode.UNSUPPORTED);
  await server.close();
});

/** The relay's end of a channel, kept in memory. */
function channelInMemory() {
  const shown: Uint8Array[] = [];
  const waiting: ((bytes: Uint8Array | null) => void)[] = [];
  let closed: string | null = null;
  const duplex: RelayDuplex = {
    incoming: {
      async *[Symbol.asyncIterator]() {
        while (true) {
          const bytes = await new Promise<Uint8Array | null>((resolve) => waiting.push(resolve));
          if (bytes === null) return;
          yield bytes;
        }
      },
    },
    send: async (bytes) => void shown.push(bytes),
    finish: async () => undefined,
    close: async (reason) => {
      closed = reason;
      for (const resolve of waiting) resolve(null);
    },
  };
  const type = async (typed: string) => {
    await expect.poll(() => waiting.length, { timeout: 30_000 }).toBeGreaterThan(0);
    waiting.shift()?.(Buffer.from(typed));
  };
  return { duplex, type, shown: () => Buffer.concat(shown).toString(), closed: () => closed };
}

test('a terminal for people flows through the relay, once for each scope, and ends with its shell', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'selfhosted-'));
  const provider = localProvider({ dataDir });
  const tag = { deployment: 'test', group: 'machine', epoch: 1 };
  const local = await provider.create({ tag, environment: {} });
  const channel = channelInMemory();
  const dialled: unknown[] = [];
  const served = servedMachine(local, {
    dialRelay: async (asked) => {
      dialled.push(asked);
      return channel.duplex;
    },
  });
  const box = served.open();
  const request = { command: ['/bin/sh'], cols: 90, rows: 30, scopeId: 'viewer' };
  const opened = await box.screen.openTerminal(request);
  expect(await box.screen.openTerminal(request)).toEqual(opened);
  expect(dialled).toMatchObject([{ channelId: opened.ptyId, kind: StreamKind.PTY, port: 7681 }]);
  await channel.type("stty size; echo 'sho''wn'\n");
  await expect.poll(channel.shown, { timeout: 30_000 }).toMatch(/30 90\r\nshown\r\n/);
  await box.screen.resizeTerminal(opened.ptyId, 70, 20);
  await channel.type('stty size; exit 4\n');
  await expect.poll(channel.closed, { timeout: 30_000 }).toBe('process-exit');
  expect(channel.shown()).toMatch(/20 70\r\n/);
  await expect(box.screen.closeTerminal(opened.ptyId)).rejects.toMatchObject({ code: 'not-found' });
  await box.close();
  await served.server.close();
  await local.close();
  await provider.destroy(local.ref);
  await rm(dataDir, { recursive: true, force: true });
});
