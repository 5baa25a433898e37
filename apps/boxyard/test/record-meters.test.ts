import { setTimeout as delay } from 'node:timers/promises';
import { SandboxError } from '@boxyard/sandbox-core';
import { Meters, meterRecord } from '@boxyard/server-parts';
import { expect, test } from 'vitest';
import { parsePrometheusText } from './prometheus-text.ts';

const activity = () => ({ statementsRunning: 3, maxConnections: 10, failures: 7 });

test.each([
  ['refuses', () => Promise.reject(new SandboxError('unreachable', 'It is away. Try again.'))],
  ['never answers', () => delay(600_000, undefined, { ref: false }).then(() => expect.unreachable())],
])('a database that %s is told as down, with all that this process knows by itself', async (_, census) => {
  await using meters = new Meters();
  meterRecord(meters, { census, activity }, []);
  meters.count('boxyard_ops_started_total');
  const told = parsePrometheusText(await meters.render());
  const value = (name: string) => told.get(name)?.samples[0]?.value;
  expect(value('boxyard_database_up')).toBe(0);
  expect(value('boxyard_database_statements_running')).toBe(3);
  expect(value('boxyard_database_failures_total')).toBe(7);
  expect(value('boxyard_ops_started_total')).toBe(1);
  expect(told.has('boxyard_boxes')).toBe(false);
});

test('several scrapes in a moment look once', async () => {
  let looks = 0;
  await using meters = new Meters();
  const census = async () => {
    looks += 1;
    return {
      boxes: [{ provider: 'local', state: 'warm', count: 2 } as const],
      uncapturedAgeMs: 1500,
      condemned: 1,
      opsRunning: 4,
    };
  };
  meterRecord(meters, { census, activity }, []);
  await meters.render();
  const told = parsePrometheusText(await meters.render());
  expect(looks).toBe(1);
  expect(told.get('boxyard_boxes')?.samples).toEqual([
    { name: 'boxyard_boxes', labels: { provider: 'local', state: 'warm' }, value: 2 },
  ]);
  expect(told.get('boxyard_uncaptured_age_seconds')?.samples[0]?.value).toBe(1.5);
});
