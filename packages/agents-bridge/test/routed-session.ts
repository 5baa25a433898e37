import { PointerCache, RoutedBox } from '@boxyard/routing';
import type { BoxRef, Provider } from '@boxyard/sandbox-core';
import type { AgentsSessionSubject } from '../src/conformance/agents-session-case.ts';
import { toAgentsSession } from '../src/session/agents-session.ts';

/**
 * A session as the product has it: over a box that follows a pointer from one box to the next. `name` tells its boxes
 * from those of others at the same provider.
 */
export async function openRoutedSession(
  provider: Provider,
  name: string,
  remove: () => Promise<void> = async () => {},
): Promise<AgentsSessionSubject> {
  const refs: BoxRef[] = [];
  let pointer = { activeSandboxId: 'first', activeEpoch: 0 };
  const cache = new PointerCache({ read: async () => pointer, subscribe: () => () => {} }, { trustMs: 1 });
  const routed = await RoutedBox.open({
    sessionId: 'a-session',
    pointer: cache,
    async open({ activeSandboxId }) {
      const tag = { deployment: 'test', group: `${name}-${activeSandboxId}`, epoch: 1 };
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
      await remove();
    },
  };
}
