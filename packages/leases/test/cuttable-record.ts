/** A store whose way to PostgreSQL can be cut: as a network does it, without a word. */
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore, type PostgresStore } from '@boxyard/store-postgres';
import type { TestStore } from '@boxyard/store-postgres/testing';
import { TiedSockets } from '@tooling/tied-sockets';

export interface CuttableRecord extends AsyncDisposable {
  readonly store: PostgresStore;
  /** Everything that is connected is cut, and nothing comes through until `mend`. */
  cut(): void;
  /** The next statement with these words is carried out; its answer is lost in a cut. */
  cutAnswerTo(words: string): void;
  mend(): void;
}

/** How PostgreSQL says that a statement which answers one row is carried out. */
const CARRIED_OUT = 'SELECT 1\0';

export async function openCuttableRecord({ connection }: TestStore): Promise<CuttableRecord> {
  const folder = await mkdtemp(join(tmpdir(), 'boxyard-cut-'));
  const path = join(folder, '.s.PGSQL.5432');
  const sockets = new TiedSockets();
  let isCut = false;
  let awaited: string | null = null;
  const record: Pick<CuttableRecord, 'cut' | 'cutAnswerTo' | 'mend'> = {
    cut: () => {
      isCut = true;
      sockets.destroy();
    },
    cutAnswerTo: (words) => {
      awaited = words;
    },
    mend: () => {
      isCut = false;
    },
  };
  const server = createServer((near) => {
    if (isCut) return void near.destroy();
    const far = connect(connection.path);
    let losesAnswer = false;
    near.on('data', (bytes) => {
      if (awaited !== null && bytes.includes(awaited)) {
        awaited = null;
        losesAnswer = true;
      }
      far.write(bytes);
    });
    far.on('data', (bytes) => {
      if (losesAnswer && bytes.includes(CARRIED_OUT)) record.cut();
      else near.write(bytes);
    });
    sockets.tie(near, far);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const store = await openStore({ connection: { ...connection, path } });
  return {
    ...record,
    store,
    [Symbol.asyncDispose]: async () => {
      await store.close();
      record.cut();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}
