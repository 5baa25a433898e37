// A machine whose agent runs in this process, over a wire without a bus.

import { machineSubjects } from '@boxyard/agent-proto';
import { Arch, ControlRequestSchema, type ControlResponse, Os } from '@boxyard/agent-proto/messages';
import type { Box } from '@boxyard/sandbox-core';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { MachineBox, type MachineTimings } from '../src/index.ts';
import { type AgentSelf, type ServeBoxOptions, serveBox } from '../src/server/index.ts';
import { InProcessWire, type InProcessWireOptions } from '../src/testing/index.ts';

type RequestInit = Exclude<MessageInitShape<typeof ControlRequestSchema>, { readonly $typeName: string }>;

export const SELF: Omit<AgentSelf, 'workspaceId' | 'agentId'> = {
  agentVersion: '1.0.0',
  os: Os.LINUX,
  arch: Arch.X86_64,
  machineName: 'laptop',
  updateChannel: 'stable',
};

export function servedMachine(
  box: Box,
  options: Partial<ServeBoxOptions> = {},
  wireOptions: InProcessWireOptions = {},
) {
  const wire = new InProcessWire(wireOptions);
  const link = wire.link();
  const server = serveBox(wire.transport, box, {
    self: { ...SELF, ...wire.machine },
    wholeMachine: true,
    screenControl: false,
    ...options,
  });
  let count = 0;
  const ask = (op: NonNullable<RequestInit['op']>, rest: RequestInit = {}): Promise<ControlResponse> =>
    link.request(
      machineSubjects(wire.machine).rpc,
      create(ControlRequestSchema, { requestId: `r${++count}`, ...rest, op }),
      { timeoutMs: 30_000 },
    );
  /** The machine's box, through a link of its own as another process would have it. */
  const open = (timings: Partial<MachineTimings> = {}): MachineBox => {
    const rpc = wire.link();
    const opened = new MachineBox({
      rpc,
      frames: rpc,
      machine: wire.machine,
      hello: server.hello(),
      epoch: 1,
      timings,
    });
    return opened;
  };
  return { wire, link, box, server, ask, open };
}
