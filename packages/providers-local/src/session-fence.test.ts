import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Box, CallOptions } from '@boxyard/sandbox-core';
import { expect, onTestFinished, test } from 'vitest';
import { localProvider } from './local-provider.ts';

const bytes = (text: string) => new Uint8Array(Buffer.from(text));

async function openTwice(): Promise<readonly [Box, Box]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-local-'));
  const provider = localProvider({ dataDir });
  const box = await provider.create({
    tag: { deployment: 'test', group: 'box', epoch: 1 },
    environment: {},
  });
  const other = await localProvider({ dataDir }).resume(box.ref, { epoch: 1, environment: {} });
  onTestFinished(async () => {
    await box.close();
    await other.close();
    await provider.destroy(box.ref);
    await rm(dataDir, { recursive: true, force: true });
  });
  return [box, other];
}

const at = (activeEpoch: number, sessionId = 'session'): CallOptions => ({
  fence: { sessionId, activeEpoch },
});

/** Everything that changes a box, each leaving a file of its own. */
const changes = (box: Box, options: CallOptions): Record<string, () => Promise<unknown>> => ({
  exec: () => box.exec({ program: { argv: ['touch', 'exec'] } }, options),
  spawn: async () => (await box.spawn({ program: { argv: ['touch', 'spawn'] } }, options)).exited(),
  write: () => box.files.write('write', bytes('x'), options),
  mkdir: () => box.files.mkdir('mkdir', options),
  move: () => box.files.move('to-move', 'moved', options),
  remove: () => box.files.remove('to-remove', options),
  terminal: async () => {
    const { terminal } = box.capabilities;
    if (!terminal.available) throw new Error(terminal.reason);
    await (await terminal.use.open({ cols: 80, rows: 24 }, options)).close();
  },
  unpack: async () => {
    const { archives } = box.capabilities;
    if (!archives.available) throw new Error(archives.reason);
    const { stream } = await archives.use.pack({ path: 'packed' });
    await archives.use.unpack(stream, { ...options, path: 'unpacked', mode: 'merge' });
  },
});

test('no change is made for a session that has been sent elsewhere since, through any handle', async () => {
  const [box, other] = await openTwice();
  await box.files.write('to-move', bytes('x'));
  await box.files.write('to-remove', bytes('x'));
  await box.files.mkdir('packed');
  await box.files.mkdir('unpacked');
  const names = async () => (await box.files.list('')).map(({ name }) => name).sort();
  const before = await names();
  // Seen by a command through one handle, and by the files and commands of both.
  await box.exec({ program: { argv: ['true'] } }, at(2));
  for (const handle of [box, other]) {
    for (const [name, change] of Object.entries(changes(handle, at(1))))
      await expect(change(), name).rejects.toMatchObject({ code: 'fenced', started: 'no' });
  }
  expect(await names()).toEqual(before);
  // Whoever reads changes nothing, and another session is none of this one's business.
  expect(await other.files.read('to-move', at(1))).toEqual(bytes('x'));
  for (const change of Object.values(changes(other, at(0, 'another')))) await change();
});

test('the session itself goes on where it is, and a later swap back is let in', async () => {
  const [box, other] = await openTwice();
  await box.files.write('a', bytes('1'), at(1));
  await other.files.write('a', bytes('2'), at(3));
  await expect(box.files.write('a', bytes('x'), at(2))).rejects.toMatchObject({ code: 'fenced' });
  await box.files.write('a', bytes('3'), at(3));
  expect((await box.exec({ program: { argv: ['cat', 'a'] } }, at(4))).stdout).toEqual(bytes('3'));
  await expect(other.files.remove('a', at(3))).rejects.toMatchObject({ code: 'fenced' });
});
