/** What of a box group must not be seen, and its git token brought to wherever its box is. */
import {
  type Box,
  type BoxGroup,
  type CallOptions,
  createRedactor,
  type Redactor,
  type Sealer,
} from '@boxyard/sandbox-core';
import { LRUCache } from 'lru-cache';
import { environmentOf, sourceTokenOf } from './box-group.ts';
import { writeGitCredentials } from './git-credentials.ts';

export interface GroupRedactors {
  /** Hides what the environment and the token hold. */
  readonly all: Redactor;
  /** Hides tokens alone: what an agent may not read, while it may read its environment. */
  readonly tokens: Redactor;
}

interface Known extends GroupRedactors {
  readonly sealed: string | null;
  /** A token that was replaced stays hidden: it may still be valid. */
  readonly secrets: readonly string[];
}

/** Enough for a command that writes one line. */
const WRITE_DEADLINE_MS = 30_000;

export class GroupSecrets {
  readonly #sealer: Sealer;
  readonly #known = new LRUCache<string, Known>({ max: 1_000 });
  /** Which token the box of which epoch was given by this process. */
  readonly #given = new LRUCache<string, string>({ max: 10_000 });

  constructor(sealer: Sealer) {
    this.#sealer = sealer;
  }

  /** What this process has heard of; null for a group that it never asked for. */
  known(groupId: string): GroupRedactors | null {
    return this.#known.get(groupId) ?? null;
  }

  redactorsFor(group: BoxGroup): GroupRedactors {
    const known = this.#known.get(group.id);
    if (known?.sealed === group.sealedSourceToken) return known;
    const token = sourceTokenOf(group, this.#sealer);
    const secrets = [...(token === null ? [] : [token]), ...(known?.secrets ?? [])];
    const environment = Object.values(environmentOf(group, this.#sealer));
    const made = {
      sealed: group.sealedSourceToken,
      secrets,
      all: createRedactor([...environment, ...secrets]),
      tokens: createRedactor(secrets),
    };
    this.#known.set(group.id, made);
    return made;
  }

  /**
   * Gives the box the newest token, unless it has it. A box is also given it that was restored: no archive holds it.
   *
   * @param read The group as the record has it now: what this process remembers may be older than the box's token.
   * @returns false when there is none to give.
   */
  async bringTo(
    box: Box,
    group: BoxGroup,
    {
      epoch,
      read,
      ...call
    }: CallOptions & { readonly epoch: number; readonly read: () => Promise<BoxGroup | null> },
  ): Promise<boolean> {
    if (group.sealedSourceToken === null) return false;
    if (this.#given.get(group.id) === given(epoch, group)) return true;
    const present = await read();
    const token = present === null ? null : sourceTokenOf(present, this.#sealer);
    if (present === null || present.source === null || token === null) return false;
    this.redactorsFor(present);
    await writeGitCredentials(
      box,
      group.id,
      { url: present.source.url, token },
      { deadlineMs: WRITE_DEADLINE_MS, ...call },
    );
    this.#given.set(group.id, given(epoch, present));
    return true;
  }
}

const given = (epoch: number, { sealedSourceToken }: BoxGroup) => `${epoch}/${sealedSourceToken}`;
