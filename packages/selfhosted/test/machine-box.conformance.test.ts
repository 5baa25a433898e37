import { describeBox, MemoryBox, MemoryMachine } from '@boxyard/sandbox-conformance';
import { servedMachine } from './served-machine.ts';

describeBox({
  name: 'a machine over the wire',
  facts: { kernel: false, reopen: true, freeze: true, leftovers: true },
  async open() {
    const memory = new MemoryMachine();
    const served = servedMachine(new MemoryBox(memory));
    const box = served.open();
    return {
      box,
      reopen: async () => served.open(),
      freeze: async () => memory.freeze(),
      thaw: async () => memory.thaw(),
      leftovers: async () => memory.leftovers(),
      dispose: async () => {
        await box.close();
        await served.server.close();
        await served.box.close();
      },
    };
  },
});
