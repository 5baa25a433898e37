import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ActivePointer, PointerStore } from '@boxyard/sandbox-core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RelayOrders } from './relay-orders.ts';
import { toldPointers } from './told-pointers.ts';

// What the server of a relay hears; it takes nothing while it is away.
let heard: string[];
let away: boolean;
let troubles: unknown[];
let orders: RelayOrders;
const server = createServer((request, response) => {
  if (away) {
    request.resume();
    response.writeHead(503).end();
    return;
  }
  let text = '';
  request
    .setEncoding('utf8')
    .on('data', (piece: string) => {
      text += piece;
    })
    .on('end', () => {
      const claims = text.slice(text.indexOf('_') + 1, text.lastIndexOf('.'));
      const { exp: _, ...order } = JSON.parse(Buffer.from(claims, 'base64url').toString());
      heard.push(JSON.stringify(order));
      response.writeHead(204).end();
    });
});

beforeEach(async () => {
  heard = [];
  troubles = [];
  away = false;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  orders = new RelayOrders({
    relayUrl: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    secret: 'the secret of both',
    onTrouble: (error) => troubles.push(error),
    retryEveryMs: 5,
  });
});

afterEach(async () => {
  await orders[Symbol.asyncDispose]();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const fence = (sessionId: string, epoch: number) =>
  JSON.stringify({ kind: 'fence-session', sessionId, epoch });

test('a relay that was away hears the newest of each, and its absence is told once for each', async () => {
  away = true;
  await orders.fenceSession('one', 2);
  await orders.fenceSession('one', 3);
  await orders.revokeMachine('a machine');
  expect(troubles).toHaveLength(3);
  expect(troubles[0]).toMatchObject({ code: 'unreachable' });
  away = false;
  await expect.poll(() => heard.length, { timeout: 30_000 }).toBe(2);
  expect(heard).toEqual([
    fence('one', 3),
    JSON.stringify({ kind: 'revoke', what: { agentId: 'a machine' } }),
  ]);
  expect(troubles).toHaveLength(3);
});

test('a move of a session is told and does not wait for that; one that failed is not', async () => {
  let pointer: ActivePointer = { activeSandboxId: 'a box', activeEpoch: 4 };
  let fails = false;
  const store: PointerStore = {
    read: async () => ({ ...pointer, homeGroupId: 'home' }),
    subscribe: () => () => undefined,
    swap: async () => {
      if (fails) throw new Error('The record is away.');
      const from = pointer;
      pointer = { activeSandboxId: null, activeEpoch: 5 };
      return { outcome: 'swapped', pointer, from };
    },
  };
  const pointers = toldPointers(store, orders);
  const request = {
    workspaceId: 'w',
    sessionId: 'one',
    target: null,
    leaseEpoch: 1,
    describe: () => {
      throw new Error('Nothing is stored here.');
    },
  };
  away = true;
  expect(await pointers.swap(request)).toMatchObject({ outcome: 'swapped', pointer: { activeEpoch: 5 } });
  fails = true;
  await expect(pointers.swap({ ...request, sessionId: 'another' })).rejects.toThrow('away');
  away = false;
  await expect.poll(() => heard, { timeout: 30_000 }).toEqual([fence('one', 5)]);
});
