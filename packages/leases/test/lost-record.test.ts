// A maker that loses the database in the middle: nobody waits for its box any longer than the database is away.
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type CuttableRecord, openCuttableRecord } from './cuttable-record.ts';
import { group, open, openStage, type Server, type Stage, state } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage[Symbol.asyncDispose]());

/** No claim runs out by itself here. */
const settings = { warmingTtlMs: 24 * 3_600_000 };

interface Maker {
  readonly server: Server;
  readonly record: CuttableRecord;
}

async function maker(provider = stage.cloud.provider): Promise<Maker> {
  const record = await openCuttableRecord(stage.store);
  const { leases, artifacts, usage } = record.store;
  const server = stage.server({ store: leases, ledger: artifacts, usage, provider, settings, doomed: true });
  onTestFinished(async () => {
    record.mend();
    await server.reaper.close();
    await server.leases.close();
    await record[Symbol.asyncDispose]();
  });
  return { server, record };
}

/** Whoever asks until there is a box, as callers do who are told to try again. */
async function insist(server: Server, own: ReturnType<typeof group>) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await open(server, stage, own);
    } catch (error) {
      if (tries === 20) throw error;
    }
  }
}

test('a box that is made while the database is away is given up when it is back, and made by others', async () => {
  const own = group();
  const { provider } = stage.cloud;
  const asked = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const first = await maker({
    ...provider,
    create: async (...call) => {
      asked.resolve();
      await goOn.promise;
      return provider.create(...call);
    },
  });
  const opening = open(first.server, stage, own).catch((error: unknown) => error);
  await asked.promise;
  first.record.cut();
  goOn.resolve();
  expect(await opening).toMatchObject({ code: 'unreachable' });
  const other = stage.server({ settings });
  await state(other, own.groupId, 'warming');
  first.record.mend();
  await using box = await insist(other, own);
  expect(box.epoch).toBe(2);
});

test('a claim whose answer was lost is given back when the database is there again', async () => {
  const own = group();
  const first = await maker();
  first.record.cutAnswerTo('INSERT INTO leases');
  const opening = open(first.server, stage, own).catch((error: unknown) => error);
  expect(await opening).toMatchObject({ code: 'unreachable', started: 'unknown' });
  const other = stage.server({ settings });
  await state(other, own.groupId, 'warming');
  // Who waits already is not told of a failure: nothing has failed but an answer.
  const waiting = open(other, stage, own);
  first.record.mend();
  await using box = await waiting;
  expect(box.epoch).toBe(2);
});
