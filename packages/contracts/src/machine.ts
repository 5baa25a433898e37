// What is known of the machines of a workspace: whether they are there, what they offer, how busy they are.
import { z } from 'zod';
import { OperatingSystem } from './backend-descriptor.ts';
import { MachineArchitecture } from './enrollment.ts';
import { Id } from './identifiers.ts';
import { pageOf } from './page.ts';
import { Timestamp } from './timestamp.ts';

const percent = z.number().min(0);
const bytes = z.number().nonnegative();

/** How busy a machine was at one moment, as it measured itself. */
export const MachineMetrics = z.object({
  sampledAt: Timestamp,
  /** Of all its processors together: 0 to 100. */
  cpuPercent: percent,
  load1: z.number(),
  load5: z.number(),
  load15: z.number(),
  memUsedBytes: bytes,
  memTotalBytes: bytes,
  diskUsedBytes: bytes,
  diskTotalBytes: bytes,
  runQueue: z.number(),
  gpus: z.array(
    z.object({ name: z.string(), utilPercent: percent, memUsedBytes: bytes, memTotalBytes: bytes }),
  ),
});
export type MachineMetrics = z.infer<typeof MachineMetrics>;

/** What a running agent offers. */
export const MachineCapabilities = z.object({
  exec: z.boolean(),
  filesystem: z.boolean(),
  git: z.boolean(),
  pty: z.boolean(),
  desktop: z.boolean(),
  /** A screen is there and the system withholds it, for this reason. */
  desktopUnavailableReason: z.string().nullable(),
  display: z.object({ id: z.string(), width: z.int(), height: z.int(), virtual: z.boolean() }).nullable(),
  /** Output of commands as a stream that survives a lost link. */
  opStream: z.boolean(),
});
export type MachineCapabilities = z.infer<typeof MachineCapabilities>;

/** `reconnecting`: it was there half a minute ago at most and does not answer. */
export const MachineLiveness = z.enum(['online', 'reconnecting', 'offline']);
export type MachineLiveness = z.infer<typeof MachineLiveness>;

/** An enrolled machine as it is now. */
export const Machine = z.object({
  id: Id,
  name: z.string(),
  os: OperatingSystem,
  arch: MachineArchitecture,
  liveness: MachineLiveness,
  lastSeenAt: Timestamp.nullable(),
  /** Its agent takes no new work. */
  draining: z.boolean(),
  agentVersion: z.string().nullable(),
  /** Where relative paths begin on it. */
  workspaceRoot: z.string().nullable(),
  capabilities: MachineCapabilities.nullable(),
  allowScreenControl: z.boolean(),
  /** A session may be moved onto it now. */
  swapTarget: z.boolean(),
  /** The newest sample of the last minute. */
  metrics: MachineMetrics.nullable(),
});
export type Machine = z.infer<typeof Machine>;

/** Answer of `GET machines`: those whose enrollment is active, by name. */
export const MachineList = pageOf(Machine);
export type MachineList = z.infer<typeof MachineList>;

/** Answer of `GET machines/:machineId/metrics`: the last minute, oldest first. */
export const MachineMetricsHistory = z.object({ samples: z.array(MachineMetrics) });
export type MachineMetricsHistory = z.infer<typeof MachineMetricsHistory>;
