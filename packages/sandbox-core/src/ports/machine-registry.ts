import type { MachineCapabilities, MachineMetrics } from '@boxyard/contracts';
import type { EnrollmentRecord } from './enrollment-store.ts';

/** How long samples of a machine are kept, and how long it may be silent before its newest counts as old. */
export const MACHINE_METRICS_KEPT_MS = 60_000;

/** Who spoke, as the subject says. */
export interface MachineSpeaker {
  readonly workspaceId: string;
  readonly agentId: string;
  /** One running agent process; null for an agent that names none. */
  readonly instance: string | null;
}

/** What an agent says of itself whenever it connects. */
export interface MachineHello extends MachineSpeaker {
  readonly agentVersion: string;
  readonly workspaceRoot: string;
  readonly capabilities: MachineCapabilities;
}

/** One heartbeat. */
export interface MachineBeat extends MachineSpeaker {
  readonly draining: boolean;
  readonly metrics: MachineMetrics | null;
}

/** What is known of an enrolled machine. */
export interface RegisteredMachine {
  readonly enrollment: EnrollmentRecord;
  /** The newest agent process that said hello; null before the first, and for one that names none. */
  readonly instance: string | null;
  readonly agentVersion: string | null;
  readonly workspaceRoot: string | null;
  readonly capabilities: MachineCapabilities | null;
  readonly lastSeenAt: Date | null;
  /** Since then, by the store's clock; null when it was never seen. */
  readonly silentMs: number | null;
  /** It said that it stops, and nothing since. */
  readonly saidGoodbye: boolean;
  readonly draining: boolean;
  /** The newest sample of the last minute. */
  readonly metrics: MachineMetrics | null;
}

/** Which machines were heard of. What comes from a machine that is not, or no more, enrolled changes nothing. */
export interface MachineRegistry {
  /** False when it is not enrolled. */
  hello(hello: MachineHello): Promise<boolean>;
  /** One statement for many; of a machine whose newer process has said hello, the older one is not heard. */
  beats(beats: readonly MachineBeat[]): Promise<void>;
  goodbye(speaker: MachineSpeaker): Promise<void>;
  /** Active enrollments, by name. */
  list(workspaceId: string): Promise<readonly RegisteredMachine[]>;
  /** Revoked ones too. */
  find(workspaceId: string, agentId: string): Promise<RegisteredMachine | null>;
  /** The last minute, oldest first. */
  metrics(workspaceId: string, agentId: string): Promise<readonly MachineMetrics[]>;
}
