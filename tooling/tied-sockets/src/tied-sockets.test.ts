import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { eventually } from '@tooling/eventually';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { TiedSockets } from './tied-sockets.ts';

/** Both ends of a connection over loopback. */
async function connection(): Promise<readonly [mine: Socket, proxys: Socket]> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const mine = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [proxys] = (await once(server, 'connection')) as [Socket];
  server.close();
  onTestFinished(() => {
    mine.destroy();
    proxys.destroy();
  });
  return [mine, proxys];
}

let tied: TiedSockets;
let client: Socket;
let server: Socket;
let far: Socket;
beforeEach(async () => {
  let near: Socket;
  [client, near] = await connection();
  [server, far] = await connection();
  for (const end of [client, server]) end.on('error', () => {}).resume();
  tied = new TiedSockets();
  tied.tie(near, far);
});

test('the two of a connection end together', async () => {
  expect(tied.pairs).toBe(1);
  far.destroy();
  await Promise.all([once(client, 'close'), once(server, 'close')]);
  await eventually('none is left', () => tied.pairs === 0);
});

test('all end at once, without a word', async () => {
  const errors: unknown[] = [];
  client.on('error', (error) => errors.push(error));
  tied.destroy();
  await Promise.all([once(client, 'close'), once(server, 'close')]);
  expect(errors).toEqual([]);
});

test('all end at once, as a network breaks them', async () => {
  const told = once(client, 'error');
  client.on('error', () => {});
  tied.reset();
  expect(await told).toMatchObject([{ code: 'ECONNRESET' }]);
});
