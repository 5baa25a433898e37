import { connect } from '@nats-io/transport-node';
import { needs } from '@tooling/system-parts';
import { describe, expect, test } from 'vitest';
import { startNatsServer } from '../src/index.ts';

describe('a nats-server for tests', needs('nats-server'), () => {
  test('carries messages, and comes back on its port after a kill', async () => {
    await using server = await startNatsServer();
    const { url } = server;
    const connection = await connect({ servers: url, reconnectTimeWait: 50, maxReconnectAttempts: -1 });
    try {
      connection.subscribe('yard', { callback: (_error, message) => void message.respond(message.data) });
      expect((await connection.request('yard', 'hello')).string()).toBe('hello');
      await server.kill();
      await server.start();
      expect(server.url).toBe(url);
      // What reconnects by itself asks again until the subscription is back.
      await expect
        .poll(() => connection.request('yard', 'again', { timeout: 500 }).then((reply) => reply.string()), {
          timeout: 30_000,
        })
        .toBe('again');
    } finally {
      await connection.close();
    }
  });

  test('says why it does not start', async () => {
    await expect(startNatsServer({ config: 'no such setting {' })).rejects.toThrow(/did not start/);
  });
});
