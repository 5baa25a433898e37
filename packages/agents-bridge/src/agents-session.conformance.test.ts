import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localProvider } from '@boxyard/providers-local';
import { MemoryBox, MemoryMachine } from '@boxyard/sandbox-conformance';
import type { Box } from '@boxyard/sandbox-core';
import { describeAgentsSession } from './conformance/describe-agents-session.ts';
import { toAgentsSession } from './session/agents-session.ts';

async function openLocal() {
  const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-bridge-'));
  const provider = localProvider({ dataDir });
  const boxes: Box[] = [];
  const open = async (group: string) => {
    const box = await provider.create({ tag: { deployment: 'test', group, epoch: 1 }, environment: {} });
    boxes.push(box);
    return box;
  };
  const box = await open('first');
  let current = box;
  return {
    box,
    session: toAgentsSession(async () => current, { root: box.workspaceRoot, supportsPty: true }),
    swap: async () => {
      current = await open('second');
      return current;
    },
    dispose: async () => {
      for (const one of boxes) {
        await one.close();
        await provider.destroy(one.ref);
      }
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

describeAgentsSession({
  name: 'session of a local box',
  open: openLocal,
  facts: { kernel: true, terminal: true, swap: true },
});

describeAgentsSession({
  name: 'session of a MemoryBox',
  facts: { swap: true },
  open: async () => {
    const machine = new MemoryMachine();
    const box = new MemoryBox(machine);
    let current: Box = box;
    return {
      box,
      session: toAgentsSession(async () => current, { root: box.workspaceRoot }),
      swap: async () => {
        current = new MemoryBox();
        return current;
      },
      dispose: async () => machine.destroy(),
    };
  },
});
