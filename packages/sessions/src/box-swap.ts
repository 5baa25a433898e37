/** Sends a session to another box. The pointer moves last: until then nothing is changed for anybody. */
import type {
  RestoreReceipt,
  SessionEventOf,
  SwapSandboxRequest,
  SwapSandboxResponse,
} from '@boxyard/contracts';
import type { BoxLeases } from '@boxyard/leases';
import {
  type BoxGroup,
  type CallOptions,
  type EventLog,
  type LeaseStore,
  type PointerStore,
  type PointerSwap,
  SandboxError,
  type SessionStore,
  type SessionWithGroup,
} from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import type { ActiveBox, BoxHolder } from './active-box.ts';
import type { ActiveBoxes } from './active-boxes.ts';
import { carryWorkspace, differsFromPacked } from './carry-workspace.ts';
import { refuseToCarryMachines } from './session-machines.ts';
import type { FoundTarget, SwapTargets } from './swap-targets.ts';

export interface BoxSwapOptions {
  readonly sessions: SessionStore;
  readonly pointers: PointerStore;
  readonly events: EventLog;
  readonly leases: BoxLeases;
  readonly leaseStore: LeaseStore;
  readonly boxes: ActiveBoxes;
  readonly targets: SwapTargets;
  /** What fails beside a swap and is made good by itself. */
  readonly onTrouble: (error: unknown) => void;
  /** How long the target may take to open. */
  readonly openDeadlineMs: number;
}

export interface SwapCall extends CallOptions {
  /** Who asks: holds the target until everybody who follows the session has it. */
  readonly holder: BoxHolder;
}

/** "Ready" is a command that runs. */
const PROOF_DEADLINE_MS = 15_000;
/** 2 GB over 10 Mbit/s take half an hour. */
const CARRY_DEADLINE_MS = 2 * 60 * 60 * 1000;
/** A box that does not answer holds up no swap: the pointer that it is asked with is refused within a second. */
const FENCE_DEADLINE_MS = 5_000;
const NO_OP = { program: { script: ':' } } as const;

export class BoxSwap {
  readonly #options: BoxSwapOptions;

  constructor(options: BoxSwapOptions) {
    this.#options = options;
  }

  /** @throws as `SessionService.swap` does. */
  async swap(
    found: SessionWithGroup,
    request: SwapSandboxRequest,
    asked: SwapCall,
  ): Promise<SwapSandboxResponse> {
    // A holder of its own: under the asker's id it would take the place of the one that the asker has there.
    const call = { ...asked, holder: { ...asked.holder, id: uuidv7() } };
    const { pointer } = found;
    const target = await this.#options.targets.find(found, request);
    if (!target.made && target.sandboxId === pointer.activeSandboxId) return { ...pointer };
    // Before a box is opened for nothing; what decides is the step that moves the pointer.
    if (request.expectedEpoch !== undefined && request.expectedEpoch !== pointer.activeEpoch)
      throw otherEpoch(request.expectedEpoch, pointer.activeEpoch);
    if (request.carry) await this.#refuseToOverwrite(found, target);
    if (target.made) {
      const awaitedForMs = 2 * this.#openDeadline(call) + CARRY_DEADLINE_MS;
      await this.#options.sessions.createGroup(target.group, { awaitedForMs });
    }
    try {
      return await this.#to(found, target, request, call);
    } catch (error) {
      // Where nobody knows whether the pointer moved, the group may be the active one.
      const mayBeActive = SandboxError.hasCode(error, 'outcome-unknown');
      if (target.made && !mayBeActive) await this.#discard(target.group);
      throw error;
    }
  }

  async #to(
    found: SessionWithGroup,
    target: FoundTarget,
    request: SwapSandboxRequest,
    call: SwapCall,
  ): Promise<SwapSandboxResponse> {
    const { workspaceId, id: sessionId } = found.session;
    await using held = await this.#openProven(target.group, call, request.carry);
    const receipt = request.carry ? await this.#carry(found, held, call) : undefined;
    const swapped = await this.#move(found, target, held.epoch, receipt, request);
    if (swapped.outcome === 'fenced')
      throw otherEpoch(request.expectedEpoch, swapped.pointer.activeEpoch, receipt);
    // Who follows the session has the new box before it is let go here.
    await this.#options.boxes.moved(workspaceId, sessionId);
    if (swapped.outcome === 'swapped') {
      const left = swapped.from.activeSandboxId ?? found.group.id;
      await this.#fence(left, { sessionId, activeEpoch: swapped.pointer.activeEpoch }, call.holder);
    }
    return { ...swapped.pointer, ...(receipt === undefined ? {} : { receipt }) };
  }

  /** @throws SandboxError `unreachable` for a box that is not ready in time. */
  async #openProven(group: BoxGroup, call: SwapCall, mutates: boolean): Promise<ActiveBox> {
    for (let attempt = 1; ; attempt += 1) {
      const held = await this.#options.boxes
        .openGroupBox(group, call.holder, {
          mutates,
          signal: call.signal,
          deadlineMs: this.#openDeadline(call),
        })
        .catch(notReady);
      try {
        const { exitCode } = await held.box
          .exec(NO_OP, { signal: call.signal, deadlineMs: PROOF_DEADLINE_MS })
          .catch(notReady);
        if (exitCode === 0) return held;
        throw new SandboxError(
          'unreachable',
          `A command that does nothing ended with ${exitCode} there. Try again.`,
        );
      } catch (error) {
        await held[Symbol.asyncDispose]();
        // It is known to be gone now, and the next opening replaces it.
        if (!SandboxError.hasCode(error, 'gone') || attempt === 2) throw error;
      }
    }
  }

  async #carry(found: SessionWithGroup, held: ActiveBox, call: SwapCall): Promise<RestoreReceipt> {
    const { boxes, events } = this.#options;
    const begunAt = new Date();
    // By the pointer that the swap is compared with: what this process believes may be a second old.
    await using left = await boxes.openGroupBox(await this.#groupOf(found), call.holder, {
      signal: call.signal,
      deadlineMs: this.#openDeadline(call),
    });
    const before = await events.revision(left.group.id);
    const limits = { signal: call.signal, deadlineMs: CARRY_DEADLINE_MS };
    const { receipt, packed } = await carryWorkspace(left.box, held.box, limits);
    const change = { path: '', kind: 'modified', isDir: true, sizeBytes: null };
    await held.journal.record([{ type: 'fs.changed', data: { changes: [change], source: 'write' } }]);
    if (receipt.kind !== 'EXACT' || (await events.revision(left.group.id)) === before) return receipt;
    // Changes were told while it was carried; they may be older.
    if (!(await differsFromPacked(left.box, packed, limits))) return receipt;
    return { kind: 'STALE', from: begunAt.toISOString(), to: new Date().toISOString() };
  }

  async #groupOf({ session, group, pointer }: SessionWithGroup): Promise<BoxGroup> {
    const { activeSandboxId } = pointer;
    if (activeSandboxId === null) return group;
    const active = await this.#options.sessions.getGroup(session.workspaceId, activeSandboxId);
    if (active !== null) return active;
    throw new SandboxError(
      'fenced',
      'The box that the session worked in was deleted meanwhile. Read the session and ask again.',
      { stage: 'swap.carry', started: 'no' },
    );
  }

  async #move(
    found: SessionWithGroup,
    target: FoundTarget,
    leaseEpoch: number,
    receipt: RestoreReceipt | undefined,
    { carry, expectedEpoch }: SwapSandboxRequest,
  ): Promise<PointerSwap> {
    const { workspaceId, id: sessionId } = found.session;
    try {
      return await this.#options.pointers.swap({
        workspaceId,
        sessionId,
        target: target.sandboxId,
        // What was carried is of the box that was active then.
        expectedEpoch: carry ? found.pointer.activeEpoch : expectedEpoch,
        leaseEpoch,
        describe: (from, to) => {
          const data: SessionEventOf<'sandbox.swapped'>['payload'] = {
            from: from.activeSandboxId,
            to: to.activeSandboxId,
            activeEpoch: to.activeEpoch,
            ...(receipt === undefined ? {} : { receipt }),
          };
          return { type: 'sandbox.swapped', data };
        },
      });
    } catch (error) {
      if (SandboxError.isInstance(error) && error.started === 'no') throw error;
      throw new SandboxError(
        'outcome-unknown',
        'The record did not answer while the session was being sent to another box. Read the session to see where it works.',
        { stage: 'swap', cause: error },
      );
    }
  }

  /** From now on the box that was left refuses what is still on its way to it for this session. */
  async #fence(
    groupId: string,
    fence: { readonly sessionId: string; readonly activeEpoch: number },
    holder: BoxHolder,
  ): Promise<void> {
    const { boxes, leaseStore, onTrouble } = this.#options;
    try {
      const lease = await leaseStore.read(groupId);
      // A box that is not up is not woken for it: whoever wakes it has read the pointer by then.
      if (lease?.box == null || (lease.state !== 'warm' && lease.state !== 'draining')) return;
      await using left = await boxes.openGroup(
        groupId,
        { ...holder, kind: 'viewer', id: uuidv7() },
        { expectedEpoch: lease.epoch, deadlineMs: FENCE_DEADLINE_MS },
      );
      await left.box.exec(NO_OP, { fence, deadlineMs: FENCE_DEADLINE_MS });
    } catch (error) {
      onTrouble(error);
    }
  }

  async #refuseToOverwrite(found: SessionWithGroup, target: FoundTarget): Promise<void> {
    refuseToCarryMachines([await this.#groupOf(found), target.group]);
    const { session } = found;
    if (target.made) return;
    const others = (await this.#options.sessions.sessionsOf(target.group.id)).filter(
      (id) => id !== session.id,
    );
    if (others.length === 0) return;
    throw new SandboxError(
      'conflict',
      `Carrying the workspace would replace the files of ${others.length} other sessions. Swap without carry, or to a box of your own.`,
      { stage: 'swap.carry', started: 'no' },
    );
  }

  /** A crash in here is made good by retention, which finds groups that nobody uses. */
  async #discard({ id: groupId, workspaceId }: BoxGroup): Promise<void> {
    try {
      await this.#options.leases.destroy({ workspaceId, groupId });
      await this.#options.sessions.deleteGroup(groupId);
    } catch (error) {
      this.#options.onTrouble(error);
    }
  }

  #openDeadline(call: SwapCall): number {
    return call.deadlineMs ?? this.#options.openDeadlineMs;
  }
}

function notReady(error: unknown): never {
  if (!SandboxError.hasCode(error, 'timeout')) throw error;
  throw new SandboxError(
    'unreachable',
    `The box to go to is not ready: ${error.message} Try again in a moment.`,
    {
      stage: 'swap.open',
      started: 'no',
      retryable: true,
      cause: error,
    },
  );
}

function otherEpoch(expected: number | undefined, present: number, receipt?: RestoreReceipt): SandboxError {
  const carried =
    receipt === undefined ? '' : ' The workspace had been copied to the target by then, and stays there.';
  return new SandboxError(
    'fenced',
    `The session was sent to another box meanwhile: its active epoch is ${present}${expected === undefined ? '' : `, not ${expected}`}.${carried} Read the session and ask again.`,
    { stage: 'swap', started: receipt === undefined ? 'no' : 'yes' },
  );
}
