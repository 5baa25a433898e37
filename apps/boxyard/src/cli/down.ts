import { setTimeout as delay } from 'node:timers/promises';
import { type BoxyardClient, BoxyardError } from '@boxyard/client';
import { readServerRecord } from '../server/server-record.ts';

/** Captures may be large; past this the server is left running, because its boxes are not safe yet. */
const STOP_DEADLINE_MS = 60_000;

/**
 * Captures and frees every box, then ends the server of this data folder. A box that could not be freed is
 * named, and the server goes on.
 */
export async function bringDown(
  client: BoxyardClient,
  dataDir: string,
  print: (line: string) => void,
): Promise<boolean> {
  let kept = 0;
  // The list of workspaces is never cut into pages.
  for (const workspace of (await client.workspaces.list()).items) {
    const { sessions } = client.inWorkspace(workspace.id);
    for await (const { id, liveness } of sessions.list()) {
      if (liveness === 'cold') continue;
      try {
        await sessions.open(id).pause({ force: true });
        print(`freed ${id}`);
      } catch (error) {
        // The server has refused; without an answer nothing is known of any box.
        if (!BoxyardError.isInstance(error) || error.status === null) throw error;
        kept++;
        print(`kept ${id}: ${error.message}`);
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
