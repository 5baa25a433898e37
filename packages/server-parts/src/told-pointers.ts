import type { PointerStore } from '@boxyard/sandbox-core';
import type { RelayOrders } from './relay-orders.ts';

/**
 * Pointers whose moves a relay of another process hears of from whoever makes them: it has no record to look at.
 * A move does not wait for it, and one whose outcome is unknown is told when it is asked for again.
 */
export function toldPointers(
  pointers: PointerStore,
  orders: Pick<RelayOrders, 'fenceSession'>,
): PointerStore {
  return {
    read: (...call) => pointers.read(...call),
    subscribe: (...call) => pointers.subscribe(...call),
    swap: async (request, options) => {
      const swap = await pointers.swap(request, options);
      // Also when nothing was changed: that is how a swap whose reply was lost is repeated.
      void orders.fenceSession(request.sessionId, swap.pointer.activeEpoch);
      return swap;
    },
  };
}
