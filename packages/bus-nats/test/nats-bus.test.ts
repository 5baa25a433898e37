import { describeBus } from '@boxyard/sandbox-conformance';
import { startNatsServer, type TestNatsServer } from '@tooling/nats-server';
import { needs } from '@tooling/system-parts';
import { describe, expect, onTestFinished, test } from 'vitest';
import { NatsBus } from '../src/index.ts';

describe('with a nats-server', needs('nats-server'), () => {
  describeBus({
    name: 'NATS',
    make: async () => {
      const server = await startNatsServer();
      return {
        connect: async () => new NatsBus({ url: server.url }),
        breakLinks: async () => {
          await server.kill();
          await server.start();
        },
        dispose: async () => server[Symbol.asyncDispose](),
      };
    },
  });

  const serving = async (config?: string): Promise<TestNatsServer> => {
    const server = await startNatsServer(config === undefined ? {} : { config });
    onTestFinished(() => server[Symbol.asyncDispose]());
    return server;
  };
  const opened = (options: ConstructorParameters<typeof NatsBus>[0]): NatsBus => {
    const bus = new NatsBus(options);
    onTestFinished(() => bus.close());
    return bus;
  };
  const woken = (bus: NatsBus, topic: string) =>
    new Promise<void>((resolve) => {
      bus.subscribe(topic, resolve);
    });

  test('a server that is not there yet is found once it is, and holds nobody up until then', async () => {
    const server = await serving();
    await server.kill();
    const troubles: unknown[] = [];
    const bus = opened({ url: server.url, onTrouble: (error) => troubles.push(error) });
    const here = woken(bus, 'here');
    bus.publish('here');
    await here;
    const there = woken(bus, 'there');
    await server.start();
    // Woken by the link itself: something may have been missed.
    await there;
    await bus.listening(AbortSignal.timeout(30_000));
    const closing = opened({ url: 'nats://127.0.0.1:1' });
    await closing.close();
  });

  test('a password of the address is used, and nobody without it is let in', async () => {
    const server = await serving('authorization { user: yard, password: "p@ss" }');
    const [scheme, host] = server.url.split('//');
    const url = `${scheme}//yard:p%40ss@${host}`;
    const [one, other] = [opened({ url }), opened({ url })];
    await one.listening(AbortSignal.timeout(30_000));
    const heard = woken(one, 'topic');
    await one.listening(AbortSignal.timeout(30_000));
    await other.listening(AbortSignal.timeout(30_000));
    other.publish('topic');
    await heard;
    const refused = new Promise<unknown>((resolve) => {
      opened({ url: server.url, onTrouble: resolve });
    });
    expect(String(await refused)).toMatch(/authorization/i);
  });
});
