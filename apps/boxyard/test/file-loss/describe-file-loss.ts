import type { BoxRef, Provider } from '@boxyard/sandbox-core';
import { expect, test } from 'vitest';
import { BOX_LIFETIME_MS, LossYard } from './loss-yard.ts';
import { changePrecious, lookAtPrecious, makePrecious } from './precious-workspace.ts';

export interface LossSubject {
  readonly provider: Provider;
  /** A folder of this test alone. */
  readonly folder: string;
  /** The box ends at once, with everything in it. */
  readonly kill: (box: BoxRef) => Promise<void>;
  /** The box ends at once and is left behind with its files; where `halts` says that there is such an end. */
  readonly halt?: (box: BoxRef) => Promise<void>;
}

const HOUR_MS = 3_600_000;
const CYCLES = 10;
const WAYS = ['idle', 'killed', 'deadline'] as const;
/** Up to 5 000 files at full size, see `pnpm test:soak`. */
const FILES = Math.min(5_000, 500 * Number(process.env.BOXYARD_TEST_SCALE ?? '1'));
const MINUTES = 60_000;

/** Requirement R1 on real boxes. Time passes in the database only. */
export function describeFileLoss(subject: () => LossSubject, { halts = false } = {}): void {
  test(`ten cycles of idle stops, dead boxes and ends of life lose nothing of ${FILES} files silently`, {
    timeout: 20 * MINUTES,
  }, async () => {
    const { provider, folder, kill } = subject();
    await using yard = await LossYard.open(provider, folder);
    const first = await yard.open();
    await first.markDirty();
    await makePrecious(first.box, FILES);
    await first.close();
    const receipts: (string | undefined)[] = [];
    for (let cycle = 0; cycle < CYCLES; cycle += 1) {
      const way = WAYS[cycle % WAYS.length];
      const turn = await yard.open();
      await turn.markDirty();
      await changePrecious(turn.box, cycle);
      const before = await lookAtPrecious(turn.box);
      if (way === 'killed') {
        expect(await yard.leases.capture(yard.group)).toBe(true);
        await turn.markDirty();
        await turn.box.files.write('newer than the receipt', new TextEncoder().encode(`${cycle}`));
        await kill(turn.box.ref);
        await expect(turn.box.files.read('large.bin')).rejects.toMatchObject({ code: 'gone' });
      } else {
        // What was changed since the last capture has to come through the stop itself.
        if (way === 'idle') await turn.close();
        await yard.pass(way === 'idle' ? HOUR_MS : BOX_LIFETIME_MS);
        await yard.pass(HOUR_MS);
        expect(await yard.state()).toBe('cold');
      }
      await turn.close();
      const after = await yard.open();
      receipts.push(after.receipt?.kind);
      expect({ cycle, way, kind: after.receipt?.kind }).toEqual({
        cycle,
        way,
        kind: way === 'killed' ? 'STALE' : 'EXACT',
      });
      expect(await lookAtPrecious(after.box)).toEqual(before);
      await after.close();
    }
    console.log(`file loss: ${provider.name}, ${FILES} files, receipts ${receipts.join(' ')}`);
  });

  test('a truncated archive is told as incomplete, and without any other there is no box, let alone an empty one', {
    timeout: 5 * MINUTES,
  }, async () => {
    const { provider, folder, kill } = subject();
    await using yard = await LossYard.open(provider, folder);
    const box = await yard.open();
    const save = async (path: string) => {
      await box.markDirty();
      await box.box.files.write(path, new TextEncoder().encode(path));
      expect(await yard.leases.capture(yard.group)).toBe(true);
    };
    await save('older');
    await save('newer');
    await yard.cutArchive('current');
    await kill(box.box.ref);
    await box.box.exec({ program: { script: ':' } }).catch(() => undefined);
    await box.close();
    const after = await yard.open();
    expect(after.receipt).toEqual({ kind: 'INCOMPLETE', missing: ['newer'] });
    expect((await after.box.files.list('')).map(({ name }) => name)).toEqual(['older']);

    await yard.cutArchive('previous');
    await kill(after.box.ref);
    await after.box.exec({ program: { script: ':' } }).catch(() => undefined);
    await after.close();
    await expect(yard.open()).rejects.toMatchObject({ code: 'invalid', stage: 'restore' });
  });

  if (halts) {
    test('a box that is ended and left behind loses nothing, whether it is used again or its files are saved first', {
      timeout: 10 * MINUTES,
    }, async () => {
      const { provider, folder, halt } = subject();
      if (halt === undefined) throw new Error('Nobody says how a box is ended here.');
      await using yard = await LossYard.open(provider, folder);
      const first = await yard.open();
      await first.markDirty();
      await makePrecious(first.box, FILES);
      await first.close();
      for (const way of ['used', 'idle'] as const) {
        const turn = await yard.open();
        await turn.markDirty();
        await changePrecious(turn.box, way === 'used' ? 0 : 1);
        const before = await lookAtPrecious(turn.box);
        await halt(turn.box.ref);
        if (way === 'used') expect(await lookAtPrecious(turn.box)).toEqual(before);
        await turn.close();
        if (way === 'idle') {
          await yard.pass(HOUR_MS);
          await yard.pass(HOUR_MS);
          expect(await yard.state()).toBe('cold');
        }
        const after = await yard.open();
        expect(after.receipt?.kind ?? 'none', way).toBe(way === 'used' ? 'none' : 'EXACT');
        expect(await lookAtPrecious(after.box), way).toEqual(before);
        await after.close();
      }
    });
  }
}
