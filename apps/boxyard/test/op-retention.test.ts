import { type BoxyardSession, createClient } from '@boxyard/client';
import { eventually } from '@tooling/eventually';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type SharedServer, startSharedServer } from './shared-server.ts';

const MIB = 1024 ** 2;

let shared: SharedServer;
let session: BoxyardSession;
beforeAll(async () => {
  shared = await startSharedServer({ BOXYARD_BOX_SPOOL_BYTES: String(MIB) });
  session = (await createClient({ url: shared.client.url, token: shared.token }).sessions.create()).keep();
});
afterAll(() => shared.stop());

/** Leaves this many bytes in the box; answers its id. */
async function print(bytes: number): Promise<string> {
  const command = await session.start(`head -c ${bytes} /dev/zero | tr '\\0' x`);
  expect(await command.wait()).toMatchObject({ exitCode: 0 });
  return command.opId;
}

test('a box keeps the output that came last, and no command is refused because of what earlier ones printed', async () => {
  const first = await print(MIB / 2);
  let last = first;
  // How full the box is, is looked at about once a second.
  await eventually('the oldest output made room', async () => {
    last = await print(MIB / 2);
    const { items } = await session.api.commands.list();
    const kept = items.map(({ opId }) => opId);
    expect(kept).toContain(last);
    return !kept.includes(first);
  });
  expect((await session.exec('echo on')).stdout).toBe('on\n');
  let output = '';
  for await (const piece of session.command(last).output()) output += piece.text;
  expect(output).toHaveLength(MIB / 2);
});
