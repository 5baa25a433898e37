import type { Backend, SwapSandboxRequest } from '@boxyard/contracts';
import {
  type BackendRegistry,
  type BoxGroup,
  SandboxError,
  type Sealer,
  type SessionStore,
  type SessionWithGroup,
} from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import { groupLike } from './box-group.ts';
import {
  findMachine,
  MACHINE_AWAITED_MS,
  refuseAwayMachine,
  type SessionMachines,
} from './session-machines.ts';

/** Where a swap leads. */
export interface FoundTarget {
  /** As the pointer names it: null for home. */
  readonly sandboxId: string | null;
  readonly group: BoxGroup;
  /** The group is new and not stored yet. */
  readonly made: boolean;
}

export interface SwapTargetsOptions {
  readonly sessions: SessionStore;
  readonly providers: BackendRegistry;
  readonly sealer: Sealer;
  readonly machines: SessionMachines | null;
  readonly now: () => Date;
}

/** Finds what a swap names. Changes nothing for anybody. */
export class SwapTargets {
  readonly #options: SwapTargetsOptions;

  constructor(options: SwapTargetsOptions) {
    this.#options = options;
  }

  /**
   * @throws SandboxError `not-found` for a group or a machine that is not in the session's workspace, `unreachable`
   * for a machine that is away, `unsupported` for a box that this server cannot make.
   */
  async find(found: SessionWithGroup, { target, carry }: SwapSandboxRequest): Promise<FoundTarget> {
    const { session, group: home } = found;
    if (target === 'home') return { sandboxId: null, group: home, made: false };
    if ('groupId' in target) {
      if (target.groupId === home.id) return { sandboxId: null, group: home, made: false };
      const group = await this.#options.sessions.getGroup(session.workspaceId, target.groupId);
      if (group !== null) return { sandboxId: group.id, group, made: false };
      throw new SandboxError(
        'not-found',
        'There is no such box group in this workspace. Check target.groupId.',
        { stage: 'swap', started: 'no' },
      );
    }
    if ('machineId' in target) return this.#machine(found, target.machineId);
    const group = groupLike(home, target, {
      id: uuidv7(),
      createdAt: this.#options.now(),
      sealer: this.#options.sealer,
      carried: carry,
    });
    this.#accept(group, target.backend);
    return { sandboxId: group.id, group, made: true };
  }

  async #machine({ session, group: home }: SessionWithGroup, machineId: string): Promise<FoundTarget> {
    const { sessions, machines } = this.#options;
    const { workspaceId } = session;
    refuseAwayMachine(await findMachine(machines, workspaceId, machineId));
    const taken = { id: uuidv7(), workspaceId, machineId };
    const group = await sessions.takeMachineGroup(taken, { awaitedForMs: MACHINE_AWAITED_MS });
    return { sandboxId: group.id === home.id ? null : group.id, group, made: false };
  }

  #accept({ image, resources }: BoxGroup, backend: Backend): void {
    const { providers } = this.#options;
    if (!providers.has(backend))
      throw new SandboxError(
        'unsupported',
        `This server makes no boxes with ${backend}. Use one of: ${providers.backends.join(', ')}.`,
        { stage: 'swap', started: 'no' },
      );
    providers.provider(backend).accept({ image: image ?? undefined, resources });
  }
}
