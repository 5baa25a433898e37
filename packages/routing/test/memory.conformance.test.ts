import { describeBox, MemoryBox, MemoryMachine } from '@boxyard/sandbox-conformance';
import { routedSubject } from './subject.ts';

describeBox({
  name: 'RoutedBox over MemoryBox',
  facts: { kernel: false, reopen: true, freeze: true, killHost: true, leftovers: true },
  async open() {
    const machine = new MemoryMachine();
    return routedSubject({
      box: new MemoryBox(machine),
      reopen: async () => new MemoryBox(machine),
      freeze: async () => machine.freeze(),
      thaw: async () => machine.thaw(),
      killHost: async () => machine.destroy(),
      leftovers: async () => machine.leftovers(),
      dispose: async () => machine.destroy(),
    });
  },
});
