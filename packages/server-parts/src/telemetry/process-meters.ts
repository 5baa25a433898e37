import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Meters } from './meters.ts';

const NANOSECONDS = 1e9;
/** How often the loop is sampled; what it measures is how late such a timer is. */
const RESOLUTION_MS = 20;

/** Tells memory, processor time and how busy the event loop of this process is. */
export function meterProcess(meters: Meters, version: string): Disposable {
  const lag = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  lag.enable();
  const startedAt = Date.now() / 1000 - process.uptime();
  meters.readOnDemand(
    [
      'boxyard_build_info',
      'process_resident_memory_bytes',
      'process_cpu_seconds_total',
      'process_start_time_seconds',
      'nodejs_heap_size_used_bytes',
      'nodejs_eventloop_lag_p99_seconds',
    ],
    async () => {
      const memory = process.memoryUsage();
      const { user, system } = process.cpuUsage();
      // The histogram counts the sampling interval itself; NaN until the first sample.
      const lateMs = lag.percentile(99) / (NANOSECONDS / 1000) - RESOLUTION_MS;
      lag.reset();
      return {
        boxyard_build_info: [{ value: 1, labels: { version } }],
        process_resident_memory_bytes: [{ value: memory.rss }],
        process_cpu_seconds_total: [{ value: (user + system) / 1e6 }],
        process_start_time_seconds: [{ value: startedAt }],
        nodejs_heap_size_used_bytes: [{ value: memory.heapUsed }],
        nodejs_eventloop_lag_p99_seconds: [{ value: Math.max(0, Number.isNaN(lateMs) ? 0 : lateMs) / 1000 }],
      };
    },
  );
  return { [Symbol.dispose]: () => void lag.disable() };
}
