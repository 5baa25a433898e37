import type { MachineAddress } from '@boxyard/agent-proto';
import type { MachineRegistry } from '@boxyard/sandbox-core';

/** How long an instance is believed that was read from the record; a hello corrects it at once. */
const TRUST_MS = 5_000;
const MAX_KNOWN = 10_000;

interface Known {
  readonly instance: string | null;
  readonly untilMs: number;
}

/** Which process of a machine answers now: asked before every request, so it is remembered for a few seconds. */
export class MachineInstances {
  readonly #registry: Pick<MachineRegistry, 'find'>;
  readonly #known = new Map<string, Known>();
  readonly #asking = new Map<string, Promise<string | null>>();

  constructor(registry: Pick<MachineRegistry, 'find'>) {
    this.#registry = registry;
  }

  /** Null when none is known; a revoked machine has none. @throws what the record throws. */
  newestInstance(machine: MachineAddress): string | null | Promise<string | null> {
    const name = nameOf(machine);
    const known = this.#known.get(name);
    if (known !== undefined && known.untilMs > performance.now()) return known.instance;
    const asking = this.#asking.get(name) ?? this.#ask(machine, name);
    this.#asking.set(name, asking);
    return asking;
  }

  /** A process of this machine said hello a moment ago. */
  heard(machine: MachineAddress, instance: string | null): void {
    this.#remember(nameOf(machine), instance);
  }

  /** What was believed of this machine was wrong: the next one that asks reads the record. */
  forget(machine: MachineAddress): void {
    this.#known.delete(nameOf(machine));
  }

  async #ask(machine: MachineAddress, name: string): Promise<string | null> {
    try {
      const found = await this.#registry.find(machine.workspaceId, machine.agentId);
      const instance = found?.enrollment.state === 'active' ? found.instance : null;
      this.#remember(name, instance);
      return instance;
    } finally {
      this.#asking.delete(name);
    }
  }

  #remember(name: string, instance: string | null): void {
    this.#known.delete(name);
    this.#known.set(name, { instance, untilMs: performance.now() + TRUST_MS });
    if (this.#known.size > MAX_KNOWN) this.#known.delete(this.#known.keys().next().value!);
  }
}

const nameOf = ({ workspaceId, agentId }: MachineAddress) => `${workspaceId}/${agentId}`;
