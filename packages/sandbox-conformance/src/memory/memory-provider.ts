import {
  available,
  BACKEND_TABLE,
  type Box,
  type BoxRef,
  type BoxTag,
  bounded,
  type CallOptions,
  type CreateBoxRequest,
  defineProvider,
  type ListedBox,
  type Provider,
  type ResumeBoxOptions,
  SandboxError,
} from '@boxyard/sandbox-core';
import { MemoryBox } from './memory-box.ts';
import { MemoryMachine, WORKSPACE_ROOT } from './memory-machine.ts';

const NAME = 'memory';

/** The machines of one account, as every provider over it sees them. */
export class MemoryAccount {
  readonly #machines = new Map<string, { readonly machine: MemoryMachine; readonly tag: BoxTag }>();

  /** The machine with this tag; a new one when there is none. */
  machineFor({ tag, environment }: CreateBoxRequest): MemoryMachine {
    for (const each of this.#machines.values()) if (sameTag(each.tag, tag)) return each.machine;
    const machine = new MemoryMachine({ epoch: tag.epoch, environment });
    this.#machines.set(machine.instance, { machine, tag });
    return machine;
  }

  find(instance: string): MemoryMachine | null {
    return this.#machines.get(instance)?.machine ?? null;
  }

  /** Every machine with its tag. */
  list(): readonly { readonly machine: MemoryMachine; readonly tag: BoxTag }[] {
    return [...this.#machines.values()];
  }

  /** Destroys a machine; one that is not there is no error. */
  destroy(instance: string): void {
    this.#machines.get(instance)?.machine.destroy();
    this.#machines.delete(instance);
  }

  /** Destroys everything. */
  clear(): void {
    for (const instance of [...this.#machines.keys()]) this.destroy(instance);
  }
}

export interface MemoryProviderOptions {
  /** Shared by providers that stand for several processes; one of its own when absent. */
  readonly account?: MemoryAccount;
}

/** A provider of `MemoryBox`es. */
export function memoryProvider(options: MemoryProviderOptions = {}): Provider {
  const account = options.account ?? new MemoryAccount();

  const machineOf = (ref: BoxRef): MemoryMachine => {
    if (ref.provider !== NAME) {
      throw new SandboxError('invalid', `Box ${ref.instance} is of provider ${ref.provider}; ask that one.`);
    }
    const machine = account.find(ref.instance);
    if (machine === null) {
      throw new SandboxError('gone', `Box ${ref.instance} does not exist any more; create another.`);
    }
    return machine;
  };

  return defineProvider({
    name: NAME,
    descriptor: {
      ...BACKEND_TABLE.local,
      capabilities: {
        ...BACKEND_TABLE.local.capabilities,
        Terminal: { available: true, transport: 'sse-events', pty: false },
      },
      portExposure: { kind: 'none', supportsOnDemandPorts: false },
    },
    accept: () => undefined,
    workspaceRoot: () => WORKSPACE_ROOT,
    create: (request: CreateBoxRequest, call?: CallOptions): Promise<Box> =>
      bounded(
        call,
        'Creating a box',
        async () => new MemoryBox(account.machineFor(request), request.tag.epoch),
      ),
    resume: (ref: BoxRef, resume: ResumeBoxOptions): Promise<Box> =>
      bounded(resume, 'Resuming a box', async () => {
        const machine = machineOf(ref);
        if (resume.epoch < machine.epoch) {
          throw new SandboxError(
            'fenced',
            `Box ${ref.instance} is of epoch ${machine.epoch}; read the lease again.`,
          );
        }
        return new MemoryBox(machine, resume.epoch);
      }),
    destroy: (ref: BoxRef, call?: CallOptions): Promise<void> =>
      bounded(call, 'Destroying a box', async () => {
        if (ref.provider === NAME) account.destroy(ref.instance);
      }),
    parking: available({
      park: (ref: BoxRef, call?: CallOptions): Promise<void> =>
        bounded(call, 'Parking a box', () => machineOf(ref).park()),
    }),
    listing: available({
      async *list(call?: CallOptions): AsyncGenerator<ListedBox> {
        const all = await bounded(call, 'Listing boxes', async () => account.list());
        for (const { machine, tag } of all) yield { ref: new MemoryBox(machine, 0).ref, tag };
      },
    }),
    isGone: (error: unknown): boolean => SandboxError.hasCode(error, 'gone'),
  });
}

const sameTag = (one: BoxTag, other: BoxTag): boolean =>
  one.deployment === other.deployment && one.group === other.group && one.epoch === other.epoch;
