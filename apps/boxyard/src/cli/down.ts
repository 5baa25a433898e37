import { setTimeout as delay } from 'node:timers/promises';
import { readServerRecord } from '../server/server-record.ts';
import { type ApiClient, ApiProblem } from './api-client.ts';

interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextCursor: string | null;
}

/** Captures may be large; past this the server is left running, because its boxes are not safe yet. */
const STOP_DEADLINE_MS = 60_000;

/**
 * Captures and frees every box, then ends the server of this data folder. A box that could not be freed is
 * named, and the server goes on.
 */
export async function bringDown(
  client: ApiClient,
  dataDir: string,
  print: (line: string) => void,
): Promise<boolean> {
  let kept = 0;
  for await (const workspace of pages<{ id: string }>(client, '/v1/workspaces')) {
    const sessions = `/v1/workspaces/${workspace.id}/sessions`;
    for await (const session of pages<{ id: string; liveness: string }>(client, sessions)) {
      if (session.liveness === 'cold') continue;
      try {
        await client.json('POST', `${sessions}/${session.id}/pause`, { body: { force: true } });
        print(`freed ${session.id}`);
      } catch (error) {
        if (!(error instanceof ApiProblem)) throw error;
        kept++;
        print(`kept ${session.id}: ${error.message}`);
      }
    }
  }
  const record = await readServerRecord(dataDir);
  if (kept > 0 || record === null) return kept === 0;
  process.kill(record.pid, 'SIGTERM');
  for (let waited = 0; waited < STOP_DEADLINE_MS; waited += 100) {
    if ((await readServerRecord(dataDir)) === null) return true;
    await delay(100);
  }
  print(`The server (process ${record.pid}) has not ended within ${STOP_DEADLINE_MS / 1000} s.`);
  return false;
}

async function* pages<Item>(client: ApiClient, path: string): AsyncGenerator<Item> {
  for (let cursor: string | null = null; ; ) {
    const query = cursor === null ? '' : `?cursor=${encodeURIComponent(cursor)}`;
    const page: Page<Item> = await client.json<Page<Item>>('GET', path + query);
    yield* page.items;
    if (page.nextCursor === null) return;
    cursor = page.nextCursor;
  }
}
