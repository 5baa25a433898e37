import { longestMessage, type MachineAddress } from '@boxyard/agent-proto';
import type { Hello } from '@boxyard/agent-proto/messages';
import {
  available,
  type Box,
  type BoxCapabilities,
  type BoxFiles,
  type BoxProcess,
  type BoxRef,
  bounded,
  type CallOptions,
  type Capability,
  type ExecRequest,
  type ExecResult,
  SandboxError,
  type SpawnRequest,
  unavailable,
} from '@boxyard/sandbox-core';
import type { ControlRpc, OpFrames } from './control-rpc.ts';
import { MachineArchives } from './machine-archives.ts';
import { MachineCalls } from './machine-calls.ts';
import { MachineCommands } from './machine-commands.ts';
import { MachineFiles } from './machine-files.ts';
import { MachinePorts } from './machine-ports.ts';
import { MachineScreen } from './machine-screen.ts';
import { MachineTerminals } from './machine-terminals.ts';
import { MACHINE_TIMINGS, type MachineTimings } from './machine-timings.ts';
import { MachineWatch } from './machine-watch.ts';
import { OpenHandle } from './open-handle.ts';
import { PlainFiles } from './plain-files.ts';
import type { PortRelay } from './relay-tunnel.ts';
import type { MachineFilesOptions } from './rooted-files.ts';

/** What a bus takes that has not been asked yet. */
const USUAL_MAX_PAYLOAD = 1024 * 1024;
/** Every agent takes so much at once, and a message of it delays no other for long. */
const LARGEST_CHUNK_BYTES = 512 * 1024;
/** Room in a message beside the bytes that it carries. */
const MESSAGE_RESERVE_BYTES = 8 * 1024;

export const MACHINE_PROVIDER = 'selfhosted';

export interface MachineBoxOptions {
  readonly rpc: ControlRpc;
  readonly frames: OpFrames;
  readonly machine: MachineAddress;
  /** What the agent said last of itself. */
  readonly hello: Hello;
  readonly epoch: number;
  readonly timings?: Partial<MachineTimings> | undefined;
  /** Asked for every connection to a port; it goes over the bus when absent, or where it answers null. */
  readonly relay?: (() => PortRelay | null) | undefined;
}

/** Files of a machine: those of its workspace, and those of other folders that its owner has allowed. */
export interface MachineBoxFiles extends BoxFiles {
  /**
   * Files below another allowed folder.
   *
   * @param root An absolute path on the machine. One that is not allowed is refused by the machine, as `denied`.
   */
  at(root: string): BoxFiles;
}

/** A user's own machine. It is never created, destroyed or gone: when it cannot be reached it is `unreachable`. */
export class MachineBox implements Box {
  readonly ref: BoxRef;
  readonly workspaceRoot: string;
  readonly epoch: number;
  readonly capabilities: BoxCapabilities;
  readonly files: MachineBoxFiles;
  /** What people see of it. */
  readonly screen: MachineScreen;
  /** Absolute paths beside the workspace that `files.at` can reach. */
  readonly roots: readonly string[];
  readonly #commands: MachineCommands;
  readonly #calls: MachineCalls;
  readonly #handle = new OpenHandle();

  constructor({ rpc, frames, machine, hello, epoch, timings, relay }: MachineBoxOptions) {
    const { opStream = false, exec = false, box } = hello.capabilities ?? {};
    const calls = new MachineCalls({ rpc, machine, timings: { ...MACHINE_TIMINGS, ...timings } });
    if (box !== undefined) calls.knows(hello.resumeToken);
    this.ref = refOfMachine(machine);
    this.epoch = epoch;
    this.workspaceRoot = hello.workspaceRoot === '' ? '/' : hello.workspaceRoot;
    this.roots = box?.roots ?? [];
    const maxChunkBytes = () =>
      Math.min(
        LARGEST_CHUNK_BYTES,
        longestMessage(frames.maxPayload() ?? USUAL_MAX_PAYLOAD) - MESSAGE_RESERVE_BYTES,
      );
    const parts = { calls, frames, handle: this.#handle, maxChunkBytes };
    this.#calls = calls;
    this.#commands = new MachineCommands({ ...parts, opStream, offersBox: box !== undefined });
    this.files = filesOf({ ...parts, root: '' }, box !== undefined);
    this.screen = new MachineScreen(calls, this.#handle);
    const offered = <Use>(name: string, use: () => Use): Capability<Use> => {
      if (box === undefined) return unavailable('the agent of this machine does not serve it; update it');
      const reason = box.lacks[name];
      return reason === undefined ? available(use()) : unavailable(reason);
    };
    const lacksExec = exec ? null : unavailable('the owner of the machine allows no commands');
    this.capabilities = {
      attach: lacksExec ?? offered('attach', () => this.#commands.attaching),
      archives: offered('archives', () => new MachineArchives(parts)),
      terminal: lacksExec ?? offered('terminal', () => new MachineTerminals(parts)),
      watch: offered('watch', () => new MachineWatch(parts)),
      ports: offered(
        'ports',
        () => new MachinePorts(parts, () => (box?.relayPorts ? (relay?.() ?? null) : null)),
      ),
      desktop: unavailable('the screen of a machine is shown through the relay, see `screen`'),
    };
  }

  exec(request: ExecRequest, options?: CallOptions): Promise<ExecResult> {
    return this.#commands.exec(request, options);
  }

  spawn(request: SpawnRequest, options?: CallOptions): Promise<BoxProcess> {
    return this.#commands.spawn(request, options);
  }

  /** Asks the agent for a sign of life. @throws SandboxError `unreachable` */
  ping(options?: CallOptions): Promise<void> {
    return bounded(options, 'Asking the machine for a sign of life', async (signal) => {
      const op = { case: 'ping', value: { nonce: BigInt(Date.now()) } } as const;
      await this.#calls.ask(op, { what: 'Asking the machine for a sign of life', signal });
    });
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

export function refOfMachine({ workspaceId, agentId }: MachineAddress): BoxRef {
  return { provider: MACHINE_PROVIDER, instance: agentId, resume: { agentId, workspaceId } };
}

function filesOf(options: MachineFilesOptions, offersBox: boolean): MachineBoxFiles {
  const below = (root: string) =>
    offersBox ? new MachineFiles({ ...options, root }) : new PlainFiles({ ...options, root });
  const own = below(options.root);
  return Object.assign(own, {
    at(root: string): BoxFiles {
      if (root.startsWith('/') && !root.split('/').includes('..') && !root.includes('\0')) return below(root);
      throw new SandboxError(
        'invalid',
        `${JSON.stringify(root)} is no folder of the machine. Give an absolute path without dots.`,
        { started: 'no' },
      );
    },
  });
}
