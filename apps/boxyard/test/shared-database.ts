import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { openTestStore, type TestStore } from '@boxyard/store-postgres/testing';
import { onTestFinished } from 'vitest';

export interface SharedDatabase {
  readonly store: TestStore;
  /** For `BOXYARD_DATABASE_URL` of any number of servers. */
  readonly url: string;
}

/** A database of this test alone, which goes with it. */
export async function openSharedDatabase(): Promise<SharedDatabase> {
  const database = await startSharedDatabase();
  onTestFinished(database.stop);
  return database;
}

/** A database that servers reach as one of their operator's: the embedded one has no port. */
export async function startSharedDatabase(): Promise<
  SharedDatabase & { readonly stop: () => Promise<void> }
> {
  const store = await openTestStore();
  const { path, user, password, database } = store.connection;
  const port = createServer((client) => {
    const socket = connect(path);
    client.pipe(socket).pipe(client);
    client.on('error', () => socket.destroy());
    socket.on('error', () => client.destroy());
  });
  port.listen(0, '127.0.0.1');
  await once(port, 'listening');
  const stop = async () => {
    port.close();
    await store.close();
  };
  const address = port.address();
  if (address === null || typeof address === 'string') throw new Error('A TCP port has an address.');
  const login = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
  return { store, stop, url: `postgres://${login}@127.0.0.1:${address.port}/${database}` };
}
