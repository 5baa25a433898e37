/** Commands on a machine are followed again as soon as it is back: nobody waits for the next turn of the upkeep. */
import type { OpHost } from '@boxyard/channel-a';
import type { BoxGroup } from '@boxyard/sandbox-core';

/** A machine that has said hello. */
export interface HeardMachine {
  readonly workspaceId: string;
  /** The id of its enrollment, which is the machine's. */
  readonly agentId: string;
}

export interface MachineReturnsOptions {
  readonly ops: Pick<OpHost, 'adoptRunning'>;
  readonly sessions: {
    getGroup(workspaceId: string, groupId: string): Promise<Pick<BoxGroup, 'machineId'> | null>;
  };
  readonly onTrouble: (error: unknown) => void;
  /**
   * How long the process that followed a command must have been silent before another one follows it. A machine that
   * says hello sooner, as when a server was started anew at once, is looked at once more after that. 0 for none such.
   */
  readonly silentMs: number;
}

/** After a bus has been away every machine says hello within a few seconds: many are one look at the record. */
const GATHER_MS = 100;

export class MachineReturns implements AsyncDisposable {
  readonly #options: MachineReturnsOptions;
  readonly #looking = new Set<Promise<void>>();
  readonly #stopped = new AbortController();
  readonly #later = new Set<NodeJS.Timeout>();
  #back: HeardMachine[] = [];
  #timer: NodeJS.Timeout | null = null;

  constructor(options: MachineReturnsOptions) {
    this.#options = options;
  }

  /** It has said hello. */
  note(machine: HeardMachine): void {
    if (this.#stopped.signal.aborted) return;
    this.#back.push(machine);
    this.#timer ??= setTimeout(() => this.#lookAtOnce(), GATHER_MS).unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const timer of this.#later) clearTimeout(timer);
    await Promise.all(this.#looking);
  }

  #lookAtOnce(): void {
    this.#timer = null;
    const back = this.#back;
    this.#back = [];
    this.#look(back);
    const { silentMs } = this.#options;
    if (silentMs === 0) return;
    const timer = setTimeout(() => {
      this.#later.delete(timer);
      this.#look(back);
    }, silentMs).unref();
    this.#later.add(timer);
  }

  /** One look does not wait for another: that may be held up by a machine that has gone again. */
  #look(back: readonly HeardMachine[]): void {
    const { ops, onTrouble } = this.#options;
    const among = (groupIds: ReadonlySet<string>) => this.#groupsOn(back, groupIds);
    const looking = ops
      .adoptRunning({ among, signal: this.#stopped.signal })
      .then(() => undefined, onTrouble)
      .finally(() => this.#looking.delete(looking));
    this.#looking.add(looking);
  }

  async #groupsOn(
    machines: readonly HeardMachine[],
    groupIds: ReadonlySet<string>,
  ): Promise<ReadonlySet<string>> {
    const byWorkspace = Map.groupBy(machines, ({ workspaceId }) => workspaceId);
    const found = new Set<string>();
    for (const [workspaceId, back] of byWorkspace) {
      const machineIds = new Set(back.map(({ agentId }) => agentId));
      for (const groupId of groupIds) {
        const group = await this.#options.sessions.getGroup(workspaceId, groupId);
        if (group !== null && machineIds.has(group.machineId ?? '')) found.add(groupId);
      }
    }
    return found;
  }
}
