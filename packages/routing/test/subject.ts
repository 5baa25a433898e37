// Makes of any subject of the conformance suite one whose boxes are reached through a route.
import type { BoxSubject } from '@boxyard/sandbox-conformance';
import type { Box } from '@boxyard/sandbox-core';
import { PointerCache, RoutedBox } from '../src/index.ts';

export async function routedSubject(
  subject: BoxSubject & { readonly reopen: () => Promise<Box> },
): Promise<BoxSubject> {
  const { reopen } = subject;
  return { ...subject, box: await throughRoute(reopen), reopen: () => throughRoute(reopen) };
}

function throughRoute(open: () => Promise<Box>): Promise<RoutedBox> {
  return RoutedBox.open({
    sessionId: 'session',
    // A pointer that is asked for again and again, as after a second of rest.
    pointer: new PointerCache(
      { read: async () => ({ activeSandboxId: null, activeEpoch: 1 }), subscribe: () => () => undefined },
      { trustMs: 5 },
    ),
    open: async () => {
      const box = await open();
      return { box, [Symbol.asyncDispose]: () => box.close() };
    },
  });
}
