import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type SharedServer, startSharedServer } from './shared-server.ts';

const CANARY = 'canary-5b1f0e7c9a';

let shared: SharedServer;
beforeAll(async () => {
  shared = await startSharedServer();
});
afterAll(() => shared.stop());

test('an environment value reaches the command and nothing else', async () => {
  const sessions = '/v1/workspaces/default/sessions';
  const made = await shared.client.json<{ id: string; environmentNames: string[] }>('POST', sessions, {
    body: { environment: { API_TOKEN: CANARY } },
  });
  expect(made.environmentNames).toEqual(['API_TOKEN']);
  const session = `${sessions}/${made.id}`;
  const ran = await shared.client.json<{ stdout: string }>('POST', `${session}/terminal/exec`, {
    body: { command: 'printf %s "$API_TOKEN" | wc -c; echo "$API_TOKEN"' },
  });
  expect(ran.stdout).toBe(`${CANARY.length}\n${CANARY}\n`);
  await shared.client.json('POST', `${session}/pause`, { body: { force: true } });

  const answers = [
    await shared.client.json('GET', session),
    await shared.client.json('GET', sessions),
    await shared.client.json('GET', `${session}/events?limit=1000`),
    await shared.client.json('GET', `${session}/ops`),
    await shared.client.json('GET', `${session}/stream-capabilities`),
  ];
  expect(JSON.stringify(answers)).not.toContain(CANARY);
  expect(await filesWith(shared.dataDir, CANARY)).toEqual([]);
});

/** Every file below a folder that holds the text; the database's own files among them. */
async function filesWith(folder: string, text: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    // What a command printed is its own, byte for byte, until its op is forgotten; only its user can read it.
    if (!entry.isFile() || entry.parentPath.endsWith('/spool')) continue;
    const file = join(entry.parentPath, entry.name);
    // A file of the living database may go between the listing and the reading.
    const bytes = await readFile(file).catch(() => Buffer.alloc(0));
    if (bytes.includes(text)) found.push(file);
  }
  return found;
}
