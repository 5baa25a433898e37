import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { MachineMetrics } from './machine-metrics.ts';

test('a sample says how busy this machine is', async () => {
  const metrics = new MachineMetrics(tmpdir());
  const sample = await metrics.sample();
  expect(sample.memTotalBytes).toBeGreaterThan(sample.memUsedBytes);
  expect(sample.memUsedBytes).toBeGreaterThan(0n);
  expect(sample.diskTotalBytes).toBeGreaterThan(0n);
  expect(sample.cpuPercent).toBeGreaterThanOrEqual(0);
  expect(sample.cpuPercent).toBeLessThanOrEqual(100);
  const capacity = await metrics.capacity();
  expect(capacity.nproc).toBeGreaterThan(0n);
  expect(capacity.memAvailableBytes).toBeGreaterThan(0n);
});
