// A provider that ends its boxes sooner than a turn is done with them: the box is replaced ahead of that.

import { DEFAULT_LEASES_SETTINGS } from '@boxyard/leases';
import { defineProvider, unavailable } from '@boxyard/sandbox-core';
import type { Script } from '@boxyard/scripted-model';
import { eventually } from '@tooling/eventually';
import { expect, test } from 'vitest';
import { openStage, terminalOf } from './turns-stage.ts';

const LIFETIME_MS = 180_000;
const DAY_MS = 86_400_000;
const exec = (cmd: string, callId: string) =>
  ({ kind: 'call', name: 'exec_command', arguments: { cmd, yield_time_ms: 300_000 }, callId }) as const;

test('boxes of three minutes, a command of ten in every turn: the files stay, one box is there, and the agent knows what ended', async () => {
  const told = new Map<string, string>();
  const script: Script = ({ userMessages, allToolAnswers }) => {
    for (const { callId, text } of allToolAnswers) told.set(callId, text);
    const round = userMessages.length;
    const step = [`long-${round}`, `look-${round}`].findIndex((callId) => !told.has(callId));
    if (step === 0)
      return [
        exec(`echo ${round} >> log; ln -sf log link; touch begun-${round}; sleep 600`, `long-${round}`),
      ];
    if (step === 1) return [exec('cat link', `look-${round}`)];
    return [{ kind: 'text', text: 'Done.' }];
  };
  const stage = await openStage(
    script,
    {},
    {
      // What it stops is gone: only archives bring the files back.
      provider: (local) =>
        defineProvider({
          ...local,
          parking: unavailable('its boxes end for good'),
          // As in a cloud: each one is another, and has nothing of the one before.
          create: ({ tag, ...request }, call) =>
            local.create({ ...request, tag: { ...tag, group: `${tag.group}-${tag.epoch}` } }, call),
          descriptor: {
            ...local.descriptor,
            lifetime: { ...local.descriptor.lifetime, hardLifetimeMs: LIFETIME_MS },
          },
        }),
      // The clock is moved by minutes: nobody is to be late because of that alone.
      leases: {
        holders: { ...DEFAULT_LEASES_SETTINGS.holders, turn: { heartbeatMs: 1_000, ttlMs: DAY_MS } },
      },
    },
  );
  await stage.worker({ attemptTtlMs: DAY_MS });
  for (const round of [1, 2]) {
    const turnId = await stage.post('Once more');
    await eventually('the long command', async () => (await stage.file(`begun-${round}`)) !== null);
    await stage.store.setClockOffset(round * LIFETIME_MS);
    await stage.reaper.tick();
    expect(await stage.ended(turnId)).toMatchObject({ status: 'completed', attempt: 1 });
    terminalOf(await stage.events(), turnId);
    expect(told.get(`long-${round}`)).toMatch(/ended (?:with its box|from outside)/);
    expect(told.get(`look-${round}`)).toMatch(
      /another one took its place: .* Its files are (?:as they were|those of)/,
    );
    const lines = Array.from({ length: round }, (_, at) => `${at + 1}\n`).join('');
    expect(told.get(`look-${round}`)).toContain(`Output:\n${lines}`);
    await stage.reaper.tick();
    const { listing } = stage.provider;
    if (!listing.available) throw new Error('The provider lists its boxes.');
    const boxes = [];
    for await (const box of listing.use.list()) boxes.push(box);
    expect(boxes).toHaveLength(1);
  }
  expect(stage.troubles).toEqual([]);
});
