import { InProcessBus } from '@boxyard/sandbox-core';
import { describeBus } from './describe-bus.ts';

describeBus({
  name: 'One process',
  make: async () => {
    // There is one for all, so each of the suite's processes closes a view of it.
    const bus = new InProcessBus();
    return { connect: async () => bus, dispose: () => bus.close() };
  },
});
