import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import {
  BOX_CASES,
  ChaosBox,
  ChaosDeath,
  type ChaosFault,
  MemoryBox,
  MemoryMachine,
  runBoxCase,
  seeded,
} from '../src/index.ts';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8');
const bytes = (from: string) => new Uint8Array(Buffer.from(from));
const echo = (what: string) => ({ program: { script: `echo ${what} >> trace; echo ${what}` } });
const at = (point: number, fault: ChaosFault) => ({ faults: [{ point, fault }] });
const code = (expected: string) => (error: { code?: string }) => error.code === expected;

describe('ChaosBox', () => {
  test('without faults it is the box: cases pass through it', async () => {
    const machine = new MemoryMachine();
    const box = new ChaosBox(new MemoryBox(machine), {});
    for (const one of BOX_CASES.filter(({ facts = [], ownBox }) => facts.length === 0 && ownBox !== true)) {
      if (['exec', 'spawn', 'stdin', 'files', 'watch', 'cancel'].includes(one.area))
        await runBoxCase(one, { box });
    }
    assert.deepEqual(machine.leftovers(), []);
    machine.destroy();
  });

  test('every call has a point on the way in and one on the way out, by name', async () => {
    const box = new ChaosBox(new MemoryBox(), {});
    const started = await box.spawn(echo('x'));
    await started.exited();
    await box.files.stat('');
    assert.deepEqual(box.trail, [
      'spawn →',
      'spawn ←',
      'process.exited →',
      'process.exited ←',
      'files.stat →',
      'files.stat ←',
    ]);
  });

  test('a dropped request is never made, and ends with its deadline', async () => {
    const inner = new MemoryBox();
    const box = new ChaosBox(inner, at(1, { kind: 'drop' }));
    await assert.rejects(box.exec(echo('x'), { deadlineMs: 30 }), code('timeout'));
    assert.equal(await inner.files.stat('trace'), null);
    assert.equal(text((await box.exec(echo('y'))).stdout), 'y\n');
  });

  test('a dropped answer ends with its signal, and the call was made', async () => {
    const inner = new MemoryBox();
    const box = new ChaosBox(inner, at(2, { kind: 'drop' }));
    const controller = new AbortController();
    const pending = box.files.write('file', bytes('x'), { signal: controller.signal });
    pending.catch(() => undefined);
    while ((await inner.files.stat('file')) === null);
    controller.abort();
    await assert.rejects(pending, code('cancelled'));
  });

  test('a delayed call is made later, and others overtake it', async () => {
    const box = new ChaosBox(new MemoryBox(), at(1, { kind: 'delay', delayMs: 40 }));
    const ended: string[] = [];
    await Promise.all([
      box.exec(echo('late')).then(() => ended.push('late')),
      box.exec(echo('early')).then(() => ended.push('early')),
    ]);
    assert.deepEqual(ended, ['early', 'late']);
  });

  test('reordered calls reach the box the other way round', async () => {
    const inner = new MemoryBox();
    const box = new ChaosBox(inner, at(1, { kind: 'reorder' }));
    await Promise.all([box.exec(echo('first')), box.exec(echo('second'))]);
    assert.equal(text(await inner.files.read('trace')), 'second\nfirst\n');
  });

  test('from a fence on every call is fenced and changes nothing', async () => {
    const inner = new MemoryBox();
    const box = new ChaosBox(inner, at(3, { kind: 'fence' }));
    await box.exec(echo('one'));
    await assert.rejects(box.exec(echo('two')), code('fenced'));
    await assert.rejects(box.files.write('file', bytes('x')), code('fenced'));
    assert.equal(text(await inner.files.read('trace')), 'one\n');
  });

  test('a death at each point of a walk ends the caller there and nowhere else', async () => {
    const walk = async (box: ChaosBox) => {
      await box.files.write('file', bytes('x'));
      const started = await box.spawn(echo('x'));
      for await (const event of started.output()) if (event.kind === 'end') break;
      await started.exited();
      await started.forget();
    };
    const whole = new ChaosBox(new MemoryBox(), {});
    await walk(whole);
    assert.ok(whole.trail.length >= 10, `only ${whole.trail.length} points`);
    for (let point = 1; point <= whole.trail.length; point++) {
      const box = new ChaosBox(new MemoryBox(), at(point, { kind: 'die' }));
      await assert.rejects(walk(box), ChaosDeath, `point ${point}`);
      assert.deepEqual(box.trail, whole.trail.slice(0, point));
      await assert.rejects(box.exec(echo('after')), ChaosDeath);
    }
  });

  test('the same seed makes the same faults, another seed others', async () => {
    const outcomes = async (seed: number) => {
      const faults: readonly ChaosFault[] = [{ kind: 'drop' }];
      const box = new ChaosBox(new MemoryBox(), { random: { seed, probability: 0.3, faults } });
      const ended: string[] = [];
      for (let index = 0; index < 12; index++) {
        const call = box.files.stat('', { deadlineMs: 10 });
        ended.push(
          await call.then(
            () => 'ok',
            (error: { code?: string }) => error.code ?? 'other',
          ),
        );
      }
      return ended;
    };
    const first = await outcomes(7);
    assert.ok(first.includes('ok') && first.includes('timeout'), first.join());
    assert.deepEqual(await outcomes(7), first);
    assert.notDeepEqual(await outcomes(8), first);
  });

  test('seeded numbers are spread over the range', () => {
    const next = seeded(42);
    const numbers = Array.from({ length: 1000 }, next);
    assert.ok(numbers.every((each) => each >= 0 && each < 1));
    const below = numbers.filter((each) => each < 0.25).length;
    assert.ok(below > 200 && below < 300, `${below} of 1000 below a quarter`);
  });
});
