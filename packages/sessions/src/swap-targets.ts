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
  readonly now: () => Date;
}

/** Finds what a swap names. Changes nothing. */
export class SwapTargets {
  readonly #options: SwapTargetsOptions;

  constructor(options: SwapTargetsOptions) {
    this.#options = options;
  }

  /**
   * @throws SandboxError `not-found` for a group that is not in the session's workspace, `unsupported` for a
   * machine, and for a box that this server cannot make.
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
    if ('machineId' in target)
      throw new SandboxError(
        'unsupported',
        'This server has no machines of users. Swap to a group, to a backend or home.',
        { stage: 'swap', started: 'no' },
      );
    const group = groupLike(home, target, {
      id: uuidv7(),
      createdAt: this.#options.now(),
      sealer: this.#options.sealer,
      carried: carry,
    });
    this.#accept(group, target.backend);
    return { sandboxId: group.id, group, made: true };
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
