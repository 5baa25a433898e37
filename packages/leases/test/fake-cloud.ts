// A provider whose boxes are MemoryBoxes: what it is asked and what it has is all in plain sight.
import { MemoryBox, MemoryMachine } from '@boxyard/sandbox-conformance';
import {
  available,
  BACKEND_TABLE,
  type BoxRef,
  type BoxTag,
  type CreateBoxRequest,
  defineProvider,
  isGoneError,
  type ListedBox,
  type Provider,
  SandboxError,
  unavailable,
} from '@boxyard/sandbox-core';

class CloudBox extends MemoryBox {
  override readonly ref: BoxRef;

  constructor(machine: MemoryMachine, epoch: number, provider: string) {
    super(machine, epoch);
    this.ref = { provider, instance: machine.instance, resume: {} };
  }
}

export interface CloudMachine {
  readonly machine: MemoryMachine;
  tag: BoxTag | null;
  parked: boolean;
}

export interface FakeCloud {
  readonly provider: Provider;
  readonly machines: Map<string, CloudMachine>;
  /** Everything that was asked of the provider, in order. */
  readonly asked: string[];
  /** Set to make the provider refuse to create. */
  refusal: SandboxError | null;
  /** Set to make the provider refuse to destroy. */
  stuck: boolean;
  /** The machine stops existing on its own. */
  kill(instance: string): void;
}

/** With `parks` its boxes are folders of their group, as local ones are. */
export function fakeCloud(options: { readonly parks: boolean }): FakeCloud {
  const descriptor = options.parks ? BACKEND_TABLE.local : BACKEND_TABLE.docker;
  const name = descriptor.backend;
  const machines = new Map<string, CloudMachine>();
  const asked: string[] = [];
  let made = 0;
  const gone = (instance: string) =>
    new SandboxError('gone', `Box ${instance} does not exist. Create another.`);

  function makeOrAdopt({ tag }: CreateBoxRequest): CloudMachine {
    for (const there of machines.values()) {
      const same = there.tag?.group === tag.group && there.tag.deployment === tag.deployment;
      if (same && (options.parks || there.tag?.epoch === tag.epoch)) return there;
    }
    const instance = options.parks ? tag.group : `machine-${tag.group}-${++made}`;
    const fresh = { machine: new MemoryMachine({ instance, epoch: tag.epoch }), tag, parked: false };
    machines.set(instance, fresh);
    return fresh;
  }

  const cloud: FakeCloud = {
    machines,
    asked,
    refusal: null,
    stuck: false,
    kill(instance) {
      machines.get(instance)?.machine.destroy();
      machines.delete(instance);
    },
    provider: defineProvider({
      name,
      descriptor,
      accept: () => undefined,
      workspaceRoot: () => '/workspace',
      async create(request) {
        asked.push(`create ${request.tag.group} ${request.tag.epoch}`);
        if (cloud.refusal !== null) throw cloud.refusal;
        const there = makeOrAdopt(request);
        there.tag = request.tag;
        there.parked = false;
        return new CloudBox(there.machine, request.tag.epoch, name);
      },
      async resume(ref, { epoch }) {
        asked.push(`resume ${ref.instance} ${epoch}`);
        const there = machines.get(ref.instance);
        if (there === undefined) throw gone(ref.instance);
        there.parked = false;
        return new CloudBox(there.machine, epoch, name);
      },
      async destroy(ref) {
        asked.push(`destroy ${ref.instance}`);
        if (cloud.stuck) throw new SandboxError('unreachable', 'The provider is away. Try again.');
        cloud.kill(ref.instance);
      },
      parking: options.parks
        ? available({
            async park(ref: BoxRef) {
              asked.push(`park ${ref.instance}`);
              const there = machines.get(ref.instance);
              if (there === undefined) throw gone(ref.instance);
              await there.machine.park();
              there.parked = true;
            },
          })
        : unavailable('These boxes are destroyed.'),
      listing: available({
        async *list(): AsyncIterable<ListedBox> {
          for (const { machine, tag } of [...machines.values()])
            yield { ref: { provider: name, instance: machine.instance, resume: {} }, tag };
        },
      }),
      isGone: (error) => isGoneError(name, error),
    }),
  };
  return cloud;
}
