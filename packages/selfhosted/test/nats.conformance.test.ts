import { describeBox } from '@boxyard/sandbox-conformance';
import { startNatsServer, type TestNatsServer } from '@tooling/nats-server';
import { needs } from '@tooling/system-parts';
import { afterAll, beforeAll, describe } from 'vitest';
import { natsMachine } from './nats-machine.ts';

describe('over a real nats-server', needs('nats-server'), () => {
  let nats: TestNatsServer;
  beforeAll(async () => {
    nats = await startNatsServer();
  }, 60_000);
  afterAll(async () => {
    await nats[Symbol.asyncDispose]();
  });

  describeBox({
    name: 'a machine with a local box',
    facts: { reopen: true },
    async open() {
      const machine = await natsMachine({ url: nats.url, policy: { allowPort: () => true } });
      const box = machine.open();
      return {
        box,
        reopen: async () => machine.open(),
        dispose: async () => {
          await box.close();
          await machine.dispose();
        },
      };
    },
  });
});
