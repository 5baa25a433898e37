// What agents say of themselves, as it is stored. They are strangers' programs: everything is bounded, nothing is
// believed about who speaks.
import type { SpokenSubject } from '@boxyard/agent-proto';
import {
  type AgentEvent,
  AgentEventSchema,
  type Hello,
  HelloSchema,
  type MetricsSample,
} from '@boxyard/agent-proto/messages';
import type { MachineCapabilities, MachineMetrics } from '@boxyard/contracts';
import type { MachineHello, MachineSpeaker } from '@boxyard/sandbox-core';
import { fromBinary } from '@bufbuild/protobuf';

const MAX_NAME = 128;
const MAX_PATH = 4096;
const MAX_GPUS = 16;

/** Null for bytes that are no hello, and for one that speaks of another machine than its subject. */
export function readHello(subject: SpokenSubject, payload: Uint8Array): MachineHello | null {
  const hello = decode(() => fromBinary(HelloSchema, payload));
  if (hello === null || hello.agentId !== subject.agentId || hello.workspaceId !== subject.workspaceId)
    return null;
  return {
    ...speakerOf(subject),
    agentVersion: text(hello.agentVersion, MAX_NAME),
    workspaceRoot: text(hello.workspaceRoot, MAX_PATH),
    capabilities: capabilitiesOf(hello),
  };
}

/** Null as above; an event names its agent only. */
export function readEvent(subject: SpokenSubject, payload: Uint8Array): AgentEvent['event'] | null {
  const event = decode(() => fromBinary(AgentEventSchema, payload));
  return event !== null && event.agentId === subject.agentId ? event.event : null;
}

export const speakerOf = ({ workspaceId, agentId, instance }: SpokenSubject): MachineSpeaker => ({
  workspaceId,
  agentId,
  instance,
});

/** A sample as it is told; what is no number is 0. */
export function metricsOf(sample: MetricsSample): MachineMetrics {
  return {
    sampledAt: new Date(timeOf(sample.sampledAtMs)).toISOString(),
    cpuPercent: positive(sample.cpuPercent),
    load1: finite(sample.load1),
    load5: finite(sample.load5),
    load15: finite(sample.load15),
    memUsedBytes: Number(sample.memUsedBytes),
    memTotalBytes: Number(sample.memTotalBytes),
    diskUsedBytes: Number(sample.diskUsedBytes),
    diskTotalBytes: Number(sample.diskTotalBytes),
    runQueue: finite(sample.runQueue),
    gpus: sample.gpus.slice(0, MAX_GPUS).map((gpu) => ({
      name: text(gpu.name, MAX_NAME),
      utilPercent: positive(gpu.utilPercent),
      memUsedBytes: Number(gpu.memUsedBytes),
      memTotalBytes: Number(gpu.memTotalBytes),
    })),
  };
}

function capabilitiesOf({ capabilities }: Hello): MachineCapabilities {
  const display = capabilities?.display;
  const reason = text(capabilities?.desktopUnavailableReason ?? '', MAX_NAME);
  return {
    exec: capabilities?.exec ?? false,
    filesystem: capabilities?.filesystem ?? false,
    git: capabilities?.git ?? false,
    pty: capabilities?.pty ?? false,
    // Both at once is a contradiction: the reason counts.
    desktop: (capabilities?.desktop ?? false) && reason === '',
    desktopUnavailableReason: reason === '' ? null : reason,
    display:
      display === undefined
        ? null
        : {
            id: text(display.id, MAX_NAME),
            width: display.width,
            height: display.height,
            virtual: display.virtual,
          },
    opStream: capabilities?.opStream ?? false,
  };
}

function decode<Message>(read: () => Message): Message | null {
  try {
    return read();
  } catch {
    return null;
  }
}

/** Without what a terminal or a database would stumble over. */
const text = (value: string, max: number): string => value.replace(/\p{C}/gu, '').slice(0, max);
const finite = (value: number): number => (Number.isFinite(value) ? value : 0);
const positive = (value: number): number => Math.max(0, finite(value));
/** The longest that a date can say. */
const MAX_TIME_MS = 8.64e15;
const timeOf = (ms: bigint): number => Math.min(MAX_TIME_MS, Math.max(0, Number(ms)));
