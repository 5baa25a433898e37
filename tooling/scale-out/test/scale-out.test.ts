import { needs } from '@tooling/system-parts';
import { describe, expect, test } from 'vitest';
import { runScaleOut } from '../src/scale-out.ts';

describe('several processes on one database', needs('nats-server'), () => {
  test('each turn ends once with the right files and nothing is left over, whoever is killed meanwhile', {
    timeout: 180_000,
  }, async () => {
    const report = await runScaleOut({
      servers: 2,
      workers: 2,
      sessions: 4,
      durationMs: 6_000,
      killEveryMs: 2_000,
      commandSeconds: 0.3,
      seed: 7,
      say: () => {},
    });
    expect(report.wrong).toEqual([]);
    expect(report.turns).toBeGreaterThanOrEqual(4);
    expect(Object.keys(report.kills).length).toBeGreaterThan(0);
  });
});
