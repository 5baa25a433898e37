import { setTimeout as delay } from 'node:timers/promises';
import { type Box, type BoxTerminal, SandboxError, unavailable } from '@boxyard/sandbox-core';
import { describe, expect, test, vi } from 'vitest';
import { RoutedBox, SettledPointer } from '../src/index.ts';
import { bytes, Stage, text } from './stage.ts';

const where = async (box: Box) => box.ref.instance;
const touch = (name: string) => ({ program: { script: `printf x >${name}` } });

describe('a call', () => {
  test('goes to the box that is active when it is made, and the box before is let go', async () => {
    const stage = new Stage();
    const box = await stage.route();
    await box.files.write('a', bytes('home'));
    expect(box.opened.name).toBe('home');
    await stage.move('away');
    await box.exec(touch('b'));
    await box.files.write('c', bytes('away'));
    expect([box.opened.name, box.activeEpoch, await where(box)]).toEqual(['away', 1, 'away']);
    expect(stage.open).toEqual(['away']);
    await stage.move(null);
    expect(text(await box.files.read('a'))).toBe('home');
    expect(await stage.files('home')).toEqual(['a']);
    expect(await stage.files('away')).toEqual(['b', 'c']);
    expect(stage.open).toEqual(['home']);
  });

  test('asks for no pointer while it rests, and once when it was told of a move', async () => {
    const stage = new Stage();
    const box = await stage.route();
    for (let index = 0; index < 100; index += 1) await box.files.stat('');
    expect(stage.reads).toBe(1);
    await stage.move('away');
    await Promise.all(Array.from({ length: 20 }, () => box.files.stat('')));
    expect(stage.reads).toBe(2);
    expect(stage.open).toEqual(['away']);
  });

  test('notices a move that nobody told of once the pointer is too old to be trusted', async () => {
    const stage = new Stage({ trustMs: 20 });
    const box = await stage.route();
    await stage.move('away', { told: false, fenced: false });
    await vi.waitFor(
      async () => {
        await box.files.stat('');
        expect(box.opened.name).toBe('away');
      },
      { timeout: 30_000, interval: 5 },
    );
  });

  test('trusts the pointer for a second when nothing else is said', async () => {
    const { PointerCache, POINTER_TRUST_MS } = await import('../src/index.ts');
    expect(POINTER_TRUST_MS).toBe(1000);
    const stage = new Stage();
    using cache = new PointerCache(stage.source);
    expect(cache.trusted).toBeNull();
    await cache.read();
    expect(cache.trusted).toEqual(stage.pointer);
    const { now } = performance;
    vi.spyOn(performance, 'now').mockImplementation(() => now.call(performance) + POINTER_TRUST_MS);
    expect(cache.trusted).toBeNull();
    vi.restoreAllMocks();
  });

  test('is refused by the box that was left, and made where the session works now', async () => {
    const stage = new Stage();
    const box = await stage.route();
    await box.files.write('a', bytes('x'));
    await stage.move('away', { told: false });
    await box.files.write('b', bytes('x'));
    await stage.move('third', { told: false });
    const stream = new Blob([bytes('x')]).stream();
    await box.files.write('c', stream);
    await stage.move('fourth', { told: false });
    await box.exec(touch('d'));
    expect([await stage.files('home'), await stage.files('away')]).toEqual([['a'], ['b']]);
    expect([await stage.files('third'), await stage.files('fourth')]).toEqual([['c'], ['d']]);
    expect(stage.open).toEqual(['fourth']);
  });

  test('that finds the new box shut says why, and the next one tries again', async () => {
    const stage = new Stage();
    const box = await stage.route();
    await stage.move('away');
    stage.refusal = new SandboxError('unreachable', 'The provider is away. Try again.');
    await expect(box.files.write('a', bytes('x'))).rejects.toMatchObject({ code: 'unreachable' });
    await expect(box.files.stat('')).rejects.toMatchObject({ code: 'unreachable' });
    stage.refusal = null;
    await box.files.write('a', bytes('x'));
    expect([await stage.files('home'), await stage.files('away')]).toEqual([[], ['a']]);
    expect(stage.open).toEqual(['away']);
  });

  test('is given up with its own deadline while a box is opened, and the opening goes on for others', async () => {
    const stage = new Stage();
    const { open, ...options } = stage.options();
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    await using box = await RoutedBox.open({
      ...options,
      open: async (pointer, call) => {
        if (pointer.activeSandboxId !== null) await gate;
        return open(pointer, call);
      },
    });
    await stage.move('away');
    const patient = box.files.stat('');
    await expect(box.files.stat('', { deadlineMs: 5 })).rejects.toMatchObject({ code: 'timeout' });
    await expect(box.files.stat('', { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'cancelled',
    });
    go();
    expect(await patient).not.toBeNull();
    expect(stage.open).toEqual(['away']);
  });

  test('opens a box that is gone again, but is not made twice for it', async () => {
    const stage = new Stage();
    const box = await stage.route();
    stage.machine('home').destroy();
    await expect(box.files.read('a')).rejects.toMatchObject({ code: 'gone' });
    stage.machines.delete('home');
    await box.files.write('a', bytes('x'));
    expect(await stage.files('home')).toEqual(['a']);
    expect(stage.open).toEqual(['home']);
  });
});

describe('a change that was fenced in the middle', () => {
  const fencedWith = (started: 'no' | 'yes' | 'unknown', stage: Stage) => {
    let fences = 1;
    return (own: Box, name: string): Box => {
      if (name !== 'home') return own;
      const exec: Box['exec'] = async (...call) => {
        const result = await own.exec(...call);
        if (fences-- <= 0) return result;
        await stage.move('away');
        throw new SandboxError('fenced', 'Somebody else owns the box now.', { started });
      };
      return Object.assign(Object.create(own) as Box, { exec });
    };
  };

  test.each(['yes', 'unknown'] as const)('is not repeated when it had begun: %s', async (started) => {
    const stage: Stage = new Stage({ decorate: (own, name) => fence(own, name) });
    const fence = fencedWith(started, stage);
    const box = await stage.route();
    await expect(box.exec(touch('once'))).rejects.toMatchObject({
      code: 'outcome-unknown',
      cause: { code: 'fenced' },
    });
    expect([await stage.files('home'), await stage.files('away')]).toEqual([['once'], []]);
    // The next one follows the session.
    await box.exec(touch('next'));
    expect(await stage.files('away')).toEqual(['next']);
  });

  test('is not repeated when its content was taken out of a stream already', async () => {
    const stage = new Stage();
    const box = await stage.route();
    let pulled: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      pulled = resolve;
    });
    const content = new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        async pull(controller) {
          pulled();
          await stage.move('away', { told: false });
          controller.enqueue(bytes('x'));
          controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    const writing = box.files.write('a', content);
    await asked;
    await expect(writing).rejects.toMatchObject({ code: 'fenced', started: 'no' });
    expect([await stage.files('home'), await stage.files('away')]).toEqual([[], []]);
  });
});

describe('a handle', () => {
  test('stays with the box that made it, which is kept until the command ends', async () => {
    const stage = new Stage({ endedLingerMs: 1 });
    const box = await stage.route();
    const server = await box.spawn({ program: { script: 'cat' }, stdin: 'open', id: 'server' });
    await stage.move('away');
    await box.exec(touch('a'));
    expect(stage.open.sort()).toEqual(['away', 'home']);
    await server.write(bytes('to home\n'));
    await server.closeStdin();
    let said = '';
    for await (const event of server.output()) if (event.kind === 'chunk') said += text(event.bytes);
    expect(said).toBe('to home\n');
    await vi.waitFor(() => expect(stage.open).toEqual(['away']), { timeout: 30_000 });
  });

  test('is found by its id after a swap, and its id never runs a second time elsewhere', async () => {
    const stage = new Stage();
    const box = await stage.route();
    const first = await box.spawn({ program: { script: 'cat' }, stdin: 'open', id: 'server' });
    const { attach } = box.capabilities;
    if (!attach.available) throw new Error(attach.reason);
    await stage.move('away');
    expect(await attach.use.attach('server')).toBe(first);
    expect(await box.spawn({ program: { script: 'cat' }, id: 'server' })).toBe(first);
    expect(stage.machine('away').operationIds()).toEqual([]);
    await first.closeStdin();
    await first.exited();
    expect(stage.open.sort()).toEqual(['away', 'home']);
    await first.forget();
    expect(stage.open).toEqual(['away']);
    await expect(attach.use.attach('server')).rejects.toMatchObject({ code: 'not-found' });
  });

  test('of a box to which the session comes back is still that of the same open box', async () => {
    const stage = new Stage();
    const box = await stage.route();
    const server = await box.spawn({ program: { script: 'cat' }, stdin: 'open' });
    await stage.move('away');
    await box.files.stat('');
    await stage.move(null);
    await box.files.write('a', bytes('x'));
    expect(stage.open).toEqual(['home']);
    await server.closeStdin();
    await server.exited();
    await box.files.write('b', bytes('x'));
    expect(stage.open).toEqual(['home']);
  });

  test('a stream keeps its box until it was read to its end or given up', async () => {
    const stage = new Stage();
    const box = await stage.route();
    await box.files.write('a', bytes('home'));
    const { archives } = box.capabilities;
    if (!archives.available) throw new Error(archives.reason);
    const [file, given] = [await box.files.open('a'), await box.files.open('a')];
    const packed = await archives.use.pack();
    await stage.move('away');
    await box.files.stat('');
    expect(stage.open.sort()).toEqual(['away', 'home']);
    expect(await new Response(file.stream).text()).toBe('home');
    await given.stream.cancel();
    expect(stage.open.sort()).toEqual(['away', 'home']);
    const { files } = await archives.use.unpack(packed.stream, { mode: 'replace' });
    expect(files).toBe(1);
    expect((await packed.manifest).entries.length).toBeGreaterThan(0);
    await vi.waitFor(() => expect(stage.open).toEqual(['away']), { timeout: 30_000 });
    expect(text(await box.files.read('a'))).toBe('home');
  });

  test('a watch and a terminal keep their box as long as they live', async () => {
    let end: () => void = () => undefined;
    const exited = new Promise<void>((resolve) => {
      end = resolve;
    });
    const stage = new Stage({
      decorate: (own, name) => {
        if (name !== 'home') return own;
        const terminal: BoxTerminal = {
          async *output() {},
          write: async () => undefined,
          resize: async () => undefined,
          close: async () => undefined,
          exited: async () => {
            await exited;
            return { exitCode: 0, signal: null, endedBy: 'itself' };
          },
        };
        const use = { open: async () => terminal };
        const capabilities = { ...own.capabilities, terminal: { available: true, use } as const };
        return Object.assign(Object.create(own) as Box, { capabilities });
      },
    });
    const box = await stage.route();
    const { terminal, watch } = box.capabilities;
    if (!terminal.available || !watch.available) throw new Error('the stage has both');
    await terminal.use.open({ cols: 80, rows: 24 });
    const stop = new AbortController();
    const watching = watch.use.watch('', { signal: stop.signal })[Symbol.asyncIterator]();
    const change = watching.next();
    await delay(0);
    await stage.move('away');
    await box.files.stat('');
    await stage.box('home').files.write('seen', bytes('x'));
    expect((await change).value).toMatchObject({ path: 'seen' });
    stop.abort();
    await watching.next();
    expect(stage.open.sort()).toEqual(['away', 'home']);
    end();
    await vi.waitFor(() => expect(stage.open).toEqual(['away']), { timeout: 30_000 });
    await expect(terminal.use.open({ cols: 80, rows: 24 })).rejects.toMatchObject({ code: 'unsupported' });
  });
});

describe('capabilities', () => {
  test('say what the active box has, and a value that is held across a swap works in the new box or says that it lacks it', async () => {
    const stage = new Stage({
      decorate: (own, name) =>
        name === 'poor'
          ? Object.assign(Object.create(own) as Box, {
              capabilities: { ...own.capabilities, archives: unavailable('poor boxes have none') },
            })
          : own,
    });
    const box = await stage.route();
    await box.files.write('a', bytes('home'));
    const held = box.capabilities.archives;
    if (!held.available) throw new Error(held.reason);
    await stage.move('poor');
    await expect(held.use.pack()).rejects.toMatchObject({ code: 'unsupported', started: 'no' });
    expect(box.capabilities.archives).toEqual(unavailable('poor boxes have none'));
    await stage.move('rich');
    const { stream, manifest } = await held.use.pack();
    await stream.cancel();
    await expect(manifest).rejects.toThrow();
    expect(box.capabilities.archives.available).toBe(true);
  });
});

describe('closing', () => {
  test('lets go of every box of the route, also of those that are kept for commands', async () => {
    const stage = new Stage();
    const box = await stage.route();
    await box.spawn({ program: { script: 'cat' }, stdin: 'open' });
    await stage.move('away');
    await box.files.stat('');
    await box.close();
    await box.close();
    expect(stage.open).toEqual([]);
    await expect(box.files.stat('')).rejects.toMatchObject({ code: 'closed', started: 'no' });
    await expect(box.follow()).rejects.toMatchObject({ code: 'closed' });
  });

  test('lets go of a box that is opened too late for whoever asked for it', async () => {
    const stage = new Stage();
    const { open, ...options } = stage.options();
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const opening = RoutedBox.open(
      {
        ...options,
        open: async (...call) => {
          await gate;
          return open(...call);
        },
      },
      { deadlineMs: 5 },
    );
    await expect(opening).rejects.toMatchObject({ code: 'timeout' });
    go();
    await vi.waitFor(() => expect(stage.reads).toBe(1), { timeout: 30_000 });
    await vi.waitFor(() => expect(stage.open).toEqual([]), { timeout: 30_000 });
  });
});

test('a settled pointer stays where it was until a box refuses it', async () => {
  const stage = new Stage();
  const { pointer, ...options } = stage.options();
  await using box = await RoutedBox.open({ ...options, pointer: new SettledPointer(pointer) });
  await stage.move('away');
  await box.files.stat('');
  expect(box.opened.name).toBe('home');
  await box.files.write('a', bytes('x'));
  expect(box.opened.name).toBe('away');
});
