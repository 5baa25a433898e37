import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localProvider } from '@boxyard/providers-local';
import { PointerCache, RoutedBox } from '@boxyard/routing';
import { MemoryBox, MemoryMachine } from '@boxyard/sandbox-conformance';
import type { Box, BoxRef } from '@boxyard/sandbox-core';
import { describeAgentsSession } from './conformance/describe-agents-session.ts';
import { toAgentsSession } from './session/agents-session.ts';

/** As a session of the product has it: a box that follows a pointer from one box to the next. */
async function openRouted() {
  const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-bridge-'));
  const provider = localProvider({ dataDir });
  const refs: BoxRef[] = [];
  let pointer = { activeSandboxId: 'first', activeEpoch: 0 };
  const cache = new PointerCache({ read: async () => pointer, subscribe: () => () => {} }, { trustMs: 1 });
  const routed = await RoutedBox.open({
    sessionId: 'a-session',
    pointer: cache,
    async open({ activeSandboxId }) {
      const tag = { deployment: 'test', group: String(activeSandboxId), epoch: 1 };
      const box = await provider.create({ tag, environment: {} });
      refs.push(box.ref);
      return { box, [Symbol.asyncDispose]: () => box.close() };
    },
  });
  const current = async () => {
    // Where it leads is known before a tool names paths there.
    await routed.follow();
    return routed;
  };
  const first = routed.opened.box;
  // A handle of its own to look from outside: that of the route is closed when nothing runs there any more.
  const box = await provider.resume(first.ref, { epoch: 1, environment: {} });
  return {
    box,
    lose: () => first.close(),
    session: toAgentsSession(current, { root: routed.workspaceRoot, supportsPty: true }),
    swap: async () => {
      pointer = { activeSandboxId: 'second', activeEpoch: 1 };
      cache.distrust();
      await routed.follow();
      return routed.opened.box;
    },
    dispose: async () => {
      await routed.close();
      await box.close();
      cache[Symbol.dispose]();
      for (const ref of refs) await provider.destroy(ref);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

describeAgentsSession({
  name: 'session of a routed local box',
  open: openRouted,
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
