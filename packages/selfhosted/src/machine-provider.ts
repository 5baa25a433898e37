import type { MachineAddress } from '@boxyard/agent-proto';
import { type Hello, HelloSchema } from '@boxyard/agent-proto/messages';
import {
  BACKEND_TABLE,
  type Box,
  type BoxRef,
  bounded,
  defineProvider,
  type Provider,
  type ResumeBoxOptions,
  SandboxError,
  unavailable,
} from '@boxyard/sandbox-core';
import { create } from '@bufbuild/protobuf';
import type { MachineLink } from './control-rpc.ts';
import { MACHINE_PROVIDER, MachineBox } from './machine-box.ts';
import { MachineCalls } from './machine-calls.ts';
import { MACHINE_TIMINGS, type MachineTimings } from './machine-timings.ts';
import type { PortRelay } from './relay-tunnel.ts';

/** What is known of machines. */
export interface MachineDirectory {
  /** What its newest agent said last; null when it was never heard of, and then the machine itself is asked. */
  lastHello(machine: MachineAddress): Promise<Hello | null>;
}

export interface MachineProviderOptions {
  /** Made on first use. */
  readonly link: () => MachineLink;
  readonly machines?: MachineDirectory | undefined;
  readonly timings?: Partial<MachineTimings> | undefined;
  /** Carries connections to ports of machines; the bus does when absent, or where it answers null. */
  readonly relay?: (() => PortRelay | null) | undefined;
}

/**
 * Machines that their users have enrolled. A box is found by the id of its machine; none is ever made, destroyed or
 * replaced here. Constructing it does no I/O, and a machine that is away shows on the first call, not before.
 */
export function machineProvider({ link, machines, timings, relay }: MachineProviderOptions): Provider {
  let made: MachineLink | null = null;
  const theLink = () => {
    made ??= link();
    return made;
  };
  return defineProvider({
    name: MACHINE_PROVIDER,
    descriptor: BACKEND_TABLE.selfhosted,
    accept: () => {
      throw notMadeHere();
    },
    // Each machine has its own, which it says itself.
    workspaceRoot: () => BACKEND_TABLE.selfhosted.workspaceRoot,
    create: () => Promise.reject(notMadeHere()),
    resume: (ref: BoxRef, options: ResumeBoxOptions): Promise<Box> =>
      bounded(options, `Finding the machine ${ref.instance}`, async (signal) => {
        const machine = machineOf(ref);
        const box = { rpc: theLink(), frames: theLink(), machine, epoch: options.epoch, timings, relay };
        const hello =
          (await machines?.lastHello(machine)) ?? (await askHello(theLink(), machine, timings, signal));
        return new MachineBox({ ...box, hello });
      }),
    // The machine is its owner's.
    destroy: async () => undefined,
    parking: unavailable('a machine is its owner’s to stop'),
    listing: unavailable('machines are listed by their enrollments'),
    isGone: () => false,
  });
}

/** The address in a ref. @throws SandboxError `invalid` for a ref of another provider. */
export function machineOf({ provider, instance, resume }: BoxRef): MachineAddress {
  const { workspaceId } = resume;
  if (provider === MACHINE_PROVIDER && typeof workspaceId === 'string')
    return { workspaceId, agentId: instance };
  throw new SandboxError(
    'invalid',
    `A box of ${provider} cannot be found here. Use the provider that made it.`,
    { started: 'no' },
  );
}

/** Of an agent that was not heard of: it is asked, and one that does not know the question gets the plainest form. */
async function askHello(
  rpc: MachineLink,
  machine: MachineAddress,
  timings: Partial<MachineTimings> | undefined,
  signal: AbortSignal,
): Promise<Hello> {
  const calls = new MachineCalls({ rpc, machine, timings: { ...MACHINE_TIMINGS, ...timings } });
  const what = `Finding the machine ${machine.agentId}`;
  try {
    return await calls.ask({ case: 'describe', value: {} }, { what, signal });
  } catch (error) {
    if (!SandboxError.hasCode(error, 'unsupported')) throw error;
    return create(HelloSchema, { ...machine, capabilities: { exec: true, filesystem: true } });
  }
}

const notMadeHere = () =>
  new SandboxError(
    'unsupported',
    'A machine of a user is enrolled by its owner and never made. Name an enrolled one by its id.',
    {
      started: 'no',
      stage: 'create',
    },
  );
