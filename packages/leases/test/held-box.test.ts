import { MemoryBox } from '@boxyard/sandbox-conformance';
import { available, type BoxCapabilities, SandboxError } from '@boxyard/sandbox-core';
import { expect, test } from 'vitest';
import { HeldBox } from '../src/held-box.ts';

function held(capabilities: Partial<BoxCapabilities> = {}) {
  const box = new MemoryBox();
  const seenGone: string[] = [];
  const lost = new AbortController();
  const inner = Object.assign(Object.create(box) as MemoryBox, {
    capabilities: { ...box.capabilities, ...capabilities },
    files: box.files,
    ref: box.ref,
  });
  return {
    machine: box.machine,
    lost,
    seenGone,
    box: new HeldBox(
      inner,
      lost.signal,
      () => seenGone.push('gone'),
      async () => {},
    ),
  };
}

/** A call of every capability that a box can have. */
function everyCall({ attach, archives, watch, ports, terminal, desktop }: BoxCapabilities) {
  if (!attach.available || !archives.available || !watch.available) throw new Error('MemoryBox has them');
  if (!ports.available || !terminal.available || !desktop.available) throw new Error('the test gave them');
  const signal = new AbortController().signal;
  return {
    'attach.list': () => attach.use.list(),
    'attach.attach': () => attach.use.attach('a'),
    'archives.pack': () => archives.use.pack(),
    'archives.unpack': () => archives.use.unpack(new Blob([]).stream(), { mode: 'merge' }),
    'watch.watch': () => watch.use.watch('', { signal })[Symbol.asyncIterator]().next(),
    'ports.expose': () => ports.use.expose(80),
    'terminal.open': () => terminal.use.open({ cols: 80, rows: 24 }),
    'desktop.start': () => desktop.use.start(),
  };
}

const reached = async () => {
  throw new Error('the box was asked');
};
const all = {
  ports: available({ expose: reached }),
  terminal: available({ open: reached }),
  desktop: available({ start: reached }),
};

test('a box that was let go refuses every capability before the box is asked', async () => {
  const { box } = held(all);
  const calls = everyCall(box.capabilities);
  expect(await calls['attach.list']()).toEqual([]);
  await expect(calls['ports.expose']()).rejects.toThrow('the box was asked');
  await box.close();
  for (const [name, call] of Object.entries(calls))
    expect({ name, code: await codeOf(call) }).toEqual({ name, code: 'closed' });
});

test('a box that was lost refuses every capability with the reason why', async () => {
  const { box, lost } = held(all);
  lost.abort(new SandboxError('fenced', 'Another works in the box.'));
  for (const [name, call] of Object.entries(everyCall(box.capabilities)))
    expect({ name, code: await codeOf(call) }).toEqual({ name, code: 'fenced' });
});

test('a watch that runs when its box is let go hands out nothing more', async () => {
  const { box } = held();
  const { watch } = box.capabilities;
  if (!watch.available) throw new Error('MemoryBox has it');
  const stop = new AbortController();
  const changes = watch.use.watch('', { signal: stop.signal })[Symbol.asyncIterator]();
  const first = changes.next();
  await box.files.write('a', new Uint8Array([1]));
  expect((await first).value).toMatchObject({ path: 'a' });
  await box.close();
  expect(await codeOf(() => changes.next())).toBe('closed');
  stop.abort();
});

test('a capability that finds the box gone tells whoever replaces it', async () => {
  const { box, machine, seenGone } = held();
  machine.destroy();
  const { attach } = box.capabilities;
  if (!attach.available) throw new Error('MemoryBox has it');
  expect(await codeOf(() => attach.use.list())).toBe('gone');
  expect(seenGone).toEqual(['gone']);
});

async function codeOf(call: () => Promise<unknown>): Promise<string> {
  try {
    await call();
  } catch (error) {
    return SandboxError.isInstance(error) ? error.code : String(error);
  }
  return 'none';
}
