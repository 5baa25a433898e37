import type { Machine, MachineMetrics } from '@boxyard/contracts';
import {
  MACHINE_RECONNECT_WINDOW_MS,
  type MachineLiveness,
  type MachineRegistry,
  type RegisteredMachine,
} from '@boxyard/sandbox-core';
import { judgeSighting, type PingMachine, type PingOutcome } from './machine-sighting.ts';

/** All machines of a page are asked at once and share this: one that is dead slows nobody. */
const PROBE_MS = 1_000;

export interface MachinesOptions {
  readonly registry: MachineRegistry;
  readonly ping: PingMachine;
}

/** The machines of a workspace as they are now. */
export class Machines {
  readonly #options: MachinesOptions;

  constructor(options: MachinesOptions) {
    this.#options = options;
  }

  /** Those whose enrollment is active, by name. Answers within a second of what the record takes. */
  async list(workspaceId: string): Promise<readonly Machine[]> {
    const known = await this.#options.registry.list(workspaceId);
    const signal = AbortSignal.timeout(PROBE_MS);
    return Promise.all(
      known.map(async (machine) => describeMachine(machine, await this.#liveness(machine, signal))),
    );
  }

  /** Null when there is none in this workspace; a revoked one is offline. */
  async find(workspaceId: string, machineId: string): Promise<Machine | null> {
    const machine = await this.#options.registry.find(workspaceId, machineId);
    if (machine === null) return null;
    return describeMachine(machine, await this.#liveness(machine, AbortSignal.timeout(PROBE_MS)));
  }

  /** The last minute, oldest first; null when there is no such machine. */
  async metrics(workspaceId: string, machineId: string): Promise<readonly MachineMetrics[] | null> {
    const { registry } = this.#options;
    if ((await registry.find(workspaceId, machineId)) === null) return null;
    return registry.metrics(workspaceId, machineId);
  }

  async #liveness(machine: RegisteredMachine, signal: AbortSignal): Promise<MachineLiveness> {
    return judgeSighting(machine, await this.#ping(machine, signal));
  }

  /** Whoever was not heard of for long, or said goodbye, is not asked. */
  async #ping(machine: RegisteredMachine, signal: AbortSignal): Promise<PingOutcome> {
    const { enrollment, instance, silentMs, saidGoodbye } = machine;
    if (silentMs === null || silentMs > MACHINE_RECONNECT_WINDOW_MS || saidGoodbye) return 'unconnected';
    const { workspaceId, id: agentId } = enrollment;
    return this.#options.ping({ workspaceId, agentId, instance }, signal);
  }
}

function describeMachine(machine: RegisteredMachine, liveness: MachineLiveness): Machine {
  const { enrollment, lastSeenAt, draining } = machine;
  return {
    id: enrollment.id,
    name: enrollment.machine.machineName,
    os: enrollment.machine.os,
    arch: enrollment.machine.arch,
    liveness,
    lastSeenAt: lastSeenAt?.toISOString() ?? null,
    draining,
    agentVersion: machine.agentVersion,
    workspaceRoot: machine.workspaceRoot,
    capabilities: machine.capabilities,
    allowScreenControl: enrollment.allowScreenControl,
    // What a session needs at the least; a machine that drains refuses new work.
    swapTarget:
      liveness === 'online' &&
      !draining &&
      machine.capabilities?.exec === true &&
      machine.capabilities.filesystem,
    metrics: machine.metrics,
  };
}
