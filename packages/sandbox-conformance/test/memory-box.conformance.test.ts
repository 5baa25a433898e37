import { describeBox, MemoryBox, MemoryMachine } from '../src/index.ts';

describeBox({
  name: 'MemoryBox',
  facts: { kernel: false, reopen: true, freeze: true, killHost: true, leftovers: true },
  async open() {
    const machine = new MemoryMachine();
    return {
      box: new MemoryBox(machine),
      reopen: async () => new MemoryBox(machine),
      freeze: async () => machine.freeze(),
      thaw: async () => machine.thaw(),
      killHost: async () => machine.destroy(),
      leftovers: async () => machine.leftovers(),
      dispose: async () => machine.destroy(),
    };
  },
});
