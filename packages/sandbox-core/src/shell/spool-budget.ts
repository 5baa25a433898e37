// The bound on all that the commands of one box left in its spool. It is looked at every now and then, beside the
// starts and not before each: a look costs as much as there are files.
import { SandboxError } from '../sandbox-error.ts';
import type { Spool } from './spool.ts';

export interface SpoolUsage {
  readonly bytes: number;
  /** Commands that have ended and can be forgotten, the largest first. */
  readonly ended: readonly { readonly id: string; readonly bytes: number }[];
}

const LOOK_AGAIN_MS = 1000;
/** A look takes at most a tenth of the time. */
const TIMES_ITS_TIME = 10;
const MOST_NAMED = 5;

export class SpoolBudget {
  readonly #spool: Pick<Spool, 'usage'>;
  readonly #limitBytes: number;
  #usage: SpoolUsage | null = null;
  #looking: Promise<SpoolUsage> | null = null;
  #lookAgainAt = 0;

  constructor(spool: Pick<Spool, 'usage'>, limitBytes: number) {
    this.#spool = spool;
    this.#limitBytes = limitBytes;
  }

  /** @throws SandboxError `quota` with `started: 'no'` while the spool holds as much as it may, or more. */
  async check(): Promise<void> {
    // What is full is looked at anew each time: something may have been forgotten.
    if (this.#usage === null || this.#usage.bytes >= this.#limitBytes) await this.#look();
    else if (performance.now() >= this.#lookAgainAt) this.#look().catch(() => undefined);
    if (this.#usage !== null && this.#usage.bytes >= this.#limitBytes) throw this.#full(this.#usage);
  }

  #look(): Promise<SpoolUsage> {
    const begunAt = performance.now();
    this.#looking ??= this.#spool
      .usage()
      .then((usage) => {
        this.#usage = usage;
        return usage;
      })
      .finally(() => {
        const now = performance.now();
        this.#lookAgainAt = now + Math.max(LOOK_AGAIN_MS, TIMES_ITS_TIME * (now - begunAt));
        this.#looking = null;
      });
    return this.#looking;
  }

  #full({ bytes, ended }: SpoolUsage): SandboxError {
    const named = ended.slice(0, MOST_NAMED).map((op) => `${op.id} (${op.bytes} bytes)`);
    const next =
      named.length === 0
        ? 'None of its commands has ended: end one and forget it.'
        : `Forget commands that have ended and whose output is stored elsewhere or not needed: ${named.join(', ')}.`;
    return new SandboxError(
      'quota',
      `Starting a command was refused: what earlier ones printed takes ${bytes} of the ${this.#limitBytes} bytes that this box may keep. ${next}`,
      { started: 'no', stage: 'start' },
    );
  }
}

/** What the files of a spool add up to. Names that no op of ours has count, but are nobody's to forget. */
export function usageOf(files: Iterable<readonly [name: string, bytes: number]>): SpoolUsage {
  let bytes = 0;
  const byId = new Map<string, number>();
  const ended = new Set<string>();
  for (const [name, size] of files) {
    bytes += size;
    const [, id, suffix] = /^([A-Za-z0-9_-]{1,64})\.(.+)$/.exec(name) ?? [];
    if (id === undefined) continue;
    byId.set(id, (byId.get(id) ?? 0) + size);
    if (suffix === 'x') ended.add(id);
  }
  return {
    bytes,
    ended: [...ended]
      .map((id) => ({ id, bytes: byId.get(id) ?? 0 }))
      .sort((one, other) => other.bytes - one.bytes),
  };
}
