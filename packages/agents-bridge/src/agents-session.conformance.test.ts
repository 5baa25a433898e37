import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localProvider } from '@boxyard/providers-local';
import { MemoryBox, MemoryMachine } from '@boxyard/sandbox-conformance';
import type { Box } from '@boxyard/sandbox-core';
import { openRoutedSession } from '../test/routed-session.ts';
import { describeAgentsSession } from './conformance/describe-agents-session.ts';
import { toAgentsSession } from './session/agents-session.ts';

async function openLocal() {
  const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-bridge-'));
  const remove = () => rm(dataDir, { recursive: true, force: true });
  return openRoutedSession(localProvider({ dataDir }), 'local', remove);
}

describeAgentsSession({
  name: 'session of a routed local box',
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
