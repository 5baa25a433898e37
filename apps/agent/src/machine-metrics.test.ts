import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { MachineMetrics, parseGpus } from './machine-metrics.ts';

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

test('graphics cards are read as nvidia-smi tells them', () => {
  expect(parseGpus('NVIDIA A100, 37, 1024, 40960\nNVIDIA T4, [N/A], 0, 15360\n\n')).toMatchObject([
    { name: 'NVIDIA A100', utilPercent: 37, memUsedBytes: 1_073_741_824n, memTotalBytes: 42_949_672_960n },
    { name: 'NVIDIA T4', utilPercent: 0, memUsedBytes: 0n },
  ]);
});
