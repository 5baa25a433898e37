// How busy this machine is, as it is told with every heartbeat.
import { readdir, readFile, statfs } from 'node:fs/promises';
import { availableParallelism, cpus, freemem, loadavg, totalmem } from 'node:os';
import {
  type HostCapacitySample,
  HostCapacitySampleSchema,
  type MetricsSample,
  MetricsSampleSchema,
} from '@boxyard/agent-proto/messages';
import { create } from '@bufbuild/protobuf';
import { NvidiaCards } from './nvidia-cards.ts';

export class MachineMetrics {
  /** On whose disk. */
  readonly #folder: string;
  readonly #cards: NvidiaCards;
  #cpu = cpuTimes();

  constructor(folder: string, cards = new NvidiaCards()) {
    this.#folder = folder;
    this.#cards = cards;
  }

  async sample(): Promise<MetricsSample> {
    const [memory, disk, gpus, runQueue] = await Promise.all([
      memoryBytes(),
      statfs(this.#folder),
      this.#cards.sample(),
      runQueueLength(),
    ]);
    const [load1 = 0, load5 = 0, load15 = 0] = loadavg();
    return create(MetricsSampleSchema, {
      sampledAtMs: BigInt(Date.now()),
      cpuPercent: this.#cpuPercent(),
      load1,
      load5,
      load15,
      memUsedBytes: BigInt(memory.total - memory.available),
      memTotalBytes: BigInt(memory.total),
      diskUsedBytes: BigInt((disk.blocks - disk.bfree) * disk.bsize),
      diskTotalBytes: BigInt(disk.blocks * disk.bsize),
      runQueue,
      gpus,
    });
  }

  async capacity(): Promise<HostCapacitySample> {
    const [memory, disk, openFiles] = await Promise.all([
      memoryBytes(),
      statfs(this.#folder),
      readdir('/proc/self/fd').catch(() => []),
    ]);
    const limit = await openFileLimit();
    return create(HostCapacitySampleSchema, {
      memAvailableBytes: BigInt(memory.available),
      diskFreeBytes: BigInt(disk.bavail * disk.bsize),
      fdHeadroom: BigInt(Math.max(0, limit - openFiles.length)),
      nproc: BigInt(availableParallelism()),
    });
  }

  /** Of all processors together since the last sample. */
  #cpuPercent(): number {
    const before = this.#cpu;
    this.#cpu = cpuTimes();
    const total = this.#cpu.total - before.total;
    return total > 0 ? (100 * (this.#cpu.busy - before.busy)) / total : 0;
  }
}

function cpuTimes(): { readonly busy: number; readonly total: number } {
  let busy = 0;
  let total = 0;
  for (const { times } of cpus()) {
    const all = times.user + times.nice + times.sys + times.idle + times.irq;
    total += all;
    busy += all - times.idle;
  }
  return { busy, total };
}

/** What can be had without swapping counts as available; elsewhere than on Linux only what is free. */
async function memoryBytes(): Promise<{ readonly total: number; readonly available: number }> {
  const text = await readFile('/proc/meminfo', 'utf8').catch(() => '');
  const kib = /^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1];
  return { total: totalmem(), available: kib === undefined ? freemem() : Number(kib) * 1024 };
}

/** Runnable tasks, from the fourth field of `/proc/loadavg`. */
async function runQueueLength(): Promise<number> {
  const text = await readFile('/proc/loadavg', 'utf8').catch(() => '');
  return Number(/^(?:\S+ ){3}(\d+)\//.exec(text)?.[1] ?? 0);
}

async function openFileLimit(): Promise<number> {
  const text = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  return Number(/^Max open files\s+(\d+)/m.exec(text)?.[1] ?? 1024);
}
