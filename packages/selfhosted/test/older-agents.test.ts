import { MemoryBox, MemoryMachine } from '@boxyard/sandbox-conformance';
import { expect, test } from 'vitest';
import { MachineBox } from '../src/index.ts';
import { serveBox } from '../src/server/index.ts';
import { InProcessWire } from '../src/testing/index.ts';
import { olderAgent, olderHello } from './older-agent.ts';
import { SELF } from './served-machine.ts';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const bytesOf = (content: string) => new Uint8Array(Buffer.from(content));
const large = () => new Uint8Array(1_700_000).map((_, index) => (index * 167 + (index >> 8)) & 0xff);

function older(ops: boolean) {
  const wire = new InProcessWire();
  const memory = new MemoryMachine();
  const served = serveBox(olderAgent(wire.transport, ops), new MemoryBox(memory), {
    self: { ...SELF, ...wire.machine },
    wholeMachine: true,
    screenControl: false,
  });
  const link = wire.link();
  const hello = olderHello(served.hello(), ops);
  const box = new MachineBox({ rpc: link, frames: link, machine: wire.machine, hello, epoch: 1 });
  const end = async () => {
    await box.close();
    await served.close();
  };
  return { wire, memory, box, end };
}

test.each([false, true])('files of an older agent (ops: %s) are whole, small and large', async (ops) => {
  const { box, memory, end } = older(ops);
  await box.files.write('small', bytesOf('content'));
  expect(text(await box.files.read('small', { offset: 3, length: 2 }))).toBe('te');
  const content = large();
  const written = await box.files.write('folder/large', content, { createParents: true });
  expect(written.sizeBytes).toBe(content.length);
  expect(Buffer.compare(await box.files.read('folder/large'), content)).toBe(0);
  const opened = await box.files.open('folder/large', { offset: 1_000_000 });
  expect(opened.sizeBytes).toBe(content.length);
  let read = 0;
  for await (const chunk of opened.stream) read += chunk.length;
  expect(read).toBe(700_000);
  await box.files.move('small', 'moved');
  await expect(box.files.move('moved', 'folder/large')).rejects.toMatchObject({ code: 'conflict' });
  expect((await box.files.list('')).map(({ path }) => path).sort()).toEqual(['folder', 'moved']);
  await expect(box.files.write('moved', bytesOf('x'), { ifAbsent: true })).rejects.toMatchObject({
    code: 'conflict',
  });
  await expect(box.files.remove('missing')).rejects.toMatchObject({ code: 'not-found' });
  await box.files.remove('folder', { recursive: true });
  expect(await box.files.stat('folder')).toBeNull();
  // No temporary sibling is left, also of what was refused.
  await expect.poll(async () => (await box.files.list('')).map(({ name }) => name)).toEqual(['moved']);
  expect(memory.leftovers()).toEqual([]);
  await end();
});

test('an agent that serves no ops runs commands with one reply, and says what it lacks', async () => {
  const { box, end } = older(false);
  // MemoryBox has no /bin/sh to be run by its name, so the command is one of its own programs.
  const result = await box.exec({ program: { argv: ['echo', 'one reply'] } });
  expect([text(result.stdout), result.exitCode, result.endedBy]).toEqual(['one reply\n', 0, 'itself']);
  await expect(box.spawn({ program: { argv: ['echo', 'x'] } })).rejects.toMatchObject({
    code: 'unsupported',
    started: 'no',
  });
  for (const name of ['attach', 'archives', 'terminal', 'watch', 'ports'] as const) {
    expect(box.capabilities[name]).toMatchObject({
      available: false,
      reason: expect.stringContaining('agent'),
    });
  }
  await end();
});

test('an agent that serves ops runs commands of any length, read as often as one likes', async () => {
  const { box, end } = older(true);
  const result = await box.exec({ program: { argv: ['echo', 'as an op'] } });
  expect([text(result.stdout), result.exitCode, result.outputComplete]).toEqual(['as an op\n', 0, true]);
  const started = await box.spawn({ program: { argv: ['echo', 'followed'] } });
  expect(await started.exited()).toMatchObject({ exitCode: 0, endedBy: 'itself' });
  for (const from of [0, 4]) {
    let seen = '';
    for await (const event of started.output({ from: { stdout: from, stderr: 0 } })) {
      if (event.kind === 'chunk') seen += text(event.bytes);
    }
    expect(seen).toBe('followed\n'.slice(from));
  }
  const sleeping = await box.spawn({ program: { argv: ['sleep', '600'] } });
  await sleeping.kill();
  expect((await sleeping.exited()).endedBy).toBe('kill');
  await expect(box.spawn({ program: { argv: ['cat'] }, stdin: 'open' })).rejects.toMatchObject({
    code: 'unsupported',
  });
  await end();
});
