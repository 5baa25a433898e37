// How busy this machine is, as it is told with every heartbeat.
import { execFile } from 'node:child_process';
import { readdir, readFile, statfs } from 'node:fs/promises';
import { availableParallelism, cpus, freemem, loadavg, totalmem } from 'node:os';
import { promisify } from 'node:util';
import {
  type GpuSample,
  GpuSampleSchema,
  type HostCapacitySample,
  HostCapacitySampleSchema,
  type MetricsSample,
  MetricsSampleSchema,
} from '@boxyard/agent-proto/messages';
import { create } from '@bufbuild/protobuf';

const run = promisify(execFile);
const MIB = 1024 * 1024;
/** A driver that hangs must not keep the other numbers back. */
const GPU_TIMEOUT_MS = 3000;
/** A machine without the program has no such cards, and is not asked again for so long. */
const GPU_RETRY_MS = 10 * 60_000;

export class MachineMetrics {
  /** On whose disk. */
  readonly #folder: string;
  #cpu = cpuTimes();
  #noGpuUntilMs = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async sample(): Promise<MetricsSample> {
    const [memory, disk, gpus, runQueue] = await Promise.all([
      memoryBytes(),
      statfs(this.#folder),
      this.#gpus(),
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

  async #gpus(): Promise<GpuSample[]> {
    if (Date.now() < this.#noGpuUntilMs) return [];
    try {
      const query = [
        '--query-gpu=name,utilization.gpu,memory.used,memory.total',
        '--format=csv,noheader,nounits',
      ];
      const { stdout } = await run('nvidia-smi', query, { timeout: GPU_TIMEOUT_MS });
      return parseGpus(stdout);
    } catch {
      this.#noGpuUntilMs = Date.now() + GPU_RETRY_MS;
      return [];
    }
  }
}

/** Lines of `name, percent, MiB used, MiB in all`; a value that a card does not tell counts as 0. */
export function parseGpus(text: string): GpuSample[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [name = '', percent, used, total] = line.split(',').map((part) => part.trim());
      const mebibytes = (part: string | undefined) => BigInt(Math.round(Number(part) || 0) * MIB);
      return create(GpuSampleSchema, {
        name,
        utilPercent: Number(percent) || 0,
        memUsedBytes: mebibytes(used),
        memTotalBytes: mebibytes(total),
      });
    });
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
