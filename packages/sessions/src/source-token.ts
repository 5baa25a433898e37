/** Replaces the token of a session's source, also while its agent works. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BoxGroup,
  type LeaseStore,
  SandboxError,
  type Sealer,
  type SessionStore,
} from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import type { ActiveBoxes } from './active-boxes.ts';
import { sourceTokenContext } from './sealing-context.ts';

export interface SourceTokenParts {
  readonly sessions: SessionStore;
  readonly leaseStore: LeaseStore;
  readonly boxes: ActiveBoxes;
  readonly sealer: Sealer;
  readonly onTrouble: (error: unknown) => void;
  /** How long the record is there before the box is: every process that tells what boxes print learns to hide it. */
  readonly hideFirstMs: number;
}

const HTTP = /^https?:/i;

/**
 * Answers whether every box of the session that is up has it; one that is not gets it when it is opened next.
 *
 * @throws SandboxError `not-found`, and `invalid` for a session whose source takes no token.
 */
export async function replaceSourceToken(
  parts: SourceTokenParts,
  of: { readonly workspaceId: string; readonly sessionId: string },
  token: string,
): Promise<{ readonly inBox: boolean }> {
  const { sessions, boxes, sealer, hideFirstMs, onTrouble } = parts;
  const { group, active } = await boxes.findActive(of.workspaceId, of.sessionId);
  const groups = [...new Map([group, active].map((one) => [one.id, one])).values()].filter(
    ({ source }) => source !== null && HTTP.test(source.url),
  );
  if (groups.length === 0) {
    throw new SandboxError(
      'invalid',
      'The token was refused: the session has no source that is cloned over http or https. Give one when it is created.',
      { started: 'no', stage: 'source.credentials' },
    );
  }
  for (const { id } of groups) await sessions.setSourceToken(id, sealer.seal(token, sourceTokenContext(id)));
  await sleep(hideFirstMs);
  boxes.forgetGroups(groups.map(({ id }) => id));
  const given = await Promise.all(
    groups.map((one) =>
      giveNow(parts, one).catch((error: unknown) => {
        onTrouble(error);
        return false;
      }),
    ),
  );
  return { inBox: given.includes(true) && !given.includes(false) };
}

/** Null for a box that is not up: it is not woken for it. */
async function giveNow({ leaseStore, boxes }: SourceTokenParts, { id }: BoxGroup): Promise<boolean | null> {
  const lease = await leaseStore.read(id);
  if (lease?.box == null || (lease.state !== 'warm' && lease.state !== 'draining')) return null;
  const holder = { kind: 'viewer', id: uuidv7(), subject: 'source-token' } as const;
  await using opened = await boxes.openGroup(id, holder, { expectedEpoch: lease.epoch });
  return boxes.giveToken(opened);
}
