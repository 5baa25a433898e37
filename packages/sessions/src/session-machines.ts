/** Machines of users as boxes of sessions: all sessions on one share its group, and nothing there is copied. */
import type { Machine, Session } from '@boxyard/contracts';
import { type BoxGroup, type BoxRef, type NegotiationInput, SandboxError } from '@boxyard/sandbox-core';

/** What sessions have to know of machines. */
export interface SessionMachines {
  /** Null for one that is not in this workspace, or no more. */
  find(workspaceId: string, machineId: string): Promise<Machine | null>;
  /** Those of the workspace, as they are now. */
  list(workspaceId: string): Promise<readonly Machine[]>;
  /** The box that the machine is. Without I/O. */
  refOf(workspaceId: string, machineId: string): BoxRef;
}

/** How long a machine's group is kept for a session that is about to come. */
export const MACHINE_AWAITED_MS = 60 * 60 * 1000;

/** @throws SandboxError `not-found` for a machine that is not in this workspace, or no more. */
export async function findMachine(
  machines: SessionMachines | null,
  workspaceId: string,
  machineId: string,
): Promise<Machine> {
  const machine = (await machines?.find(workspaceId, machineId)) ?? null;
  if (machine !== null) return machine;
  throw new SandboxError(
    'not-found',
    'There is no such machine in this workspace. Choose one of those that are listed.',
    { stage: 'machine.find', started: 'no' },
  );
}

/** @throws SandboxError `unreachable` for one that is away, `unsupported` for one that lets nobody work on it. */
export function refuseAwayMachine({ name, liveness, draining, swapTarget }: Machine): void {
  if (swapTarget) return;
  if (liveness === 'online' && !draining)
    throw new SandboxError(
      'unsupported',
      `The owner of ${name} allows no commands or files there. Choose another machine.`,
      { stage: 'machine.find', started: 'no' },
    );
  const why = liveness === 'online' ? 'is stopping' : `is ${liveness}`;
  throw new SandboxError('unreachable', `The machine ${name} ${why}. Start its agent and try again.`, {
    stage: 'machine.find',
    started: 'no',
    retryable: true,
  });
}

/**
 * A workspace is carried by replacing the one at the other end, and that of a machine is its owner's own folder.
 *
 * @throws SandboxError `unsupported` when either box is a machine.
 */
export function refuseToCarryMachines(groups: readonly BoxGroup[]): void {
  if (groups.every(({ machineId }) => machineId === null)) return;
  throw new SandboxError(
    'unsupported',
    'The workspace cannot be carried to or from a machine of a user: its files are its owner’s, and would be copied or replaced as a whole. Swap without carry, and move single files.',
    { stage: 'swap.carry', started: 'no' },
  );
}

/** How a session shows the machine that it works on; null for any other box. */
export async function machineOf(
  machines: SessionMachines | null,
  group: BoxGroup | null,
): Promise<Session['machine']> {
  if (group === null || group.machineId === null) return null;
  const { machineId: id, workspaceId } = group;
  return { id, liveness: (await machines?.find(workspaceId, id))?.liveness ?? 'offline' };
}

/** What the capabilities of a session say of its machine. */
export interface MachineFacts extends Required<Pick<NegotiationInput, 'machine'>> {
  readonly os?: NegotiationInput['os'];
  readonly workspaceRoot?: string | undefined;
}

/** Null is a machine that was revoked: it is away for good. */
export function factsOf(machine: Machine | null): MachineFacts {
  const { capabilities = null, allowScreenControl = false, liveness = 'offline' } = machine ?? {};
  const state = {
    liveness,
    hasDisplay: capabilities?.display != null,
    exposure: 'whole-machine',
    allowScreenControl,
    ...(capabilities === null ? {} : { offers: capabilities }),
  } as const;
  if (machine === null) return { machine: state };
  return { machine: state, os: machine.os, workspaceRoot: machine.workspaceRoot ?? undefined };
}
