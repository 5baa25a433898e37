// A connection that is closed while its client is too busy to notice: what is sent into it is lost.
import { expect, test } from 'vitest';
import { startRestingServer } from '../test/resting-server.ts';
import { BoxyardError, createClient } from './index.ts';

const LARGER_THAN_A_SOCKET = 32 * 1024 ** 2;
const ROUNDS = 20;

/** What the system said of the connection that broke: `write` or `read`. */
const brokeAt = (error: unknown): unknown => (error as { cause?: { syscall?: unknown } }).cause?.syscall;

test('an upload that was not sent whole is sent again, because it surely changed nothing', async () => {
  const server = await startRestingServer();
  const broken: unknown[] = [];
  const client = createClient({
    url: server.url,
    fetch: async (...request) => {
      try {
        return await fetch(...request);
      } catch (error) {
        broken.push(brokeAt(error));
        throw error;
      }
    },
  });
  const content = new Uint8Array(LARGER_THAN_A_SOCKET);
  // Whether the system tells of it at a read or at a write is its choice, and only a write proves anything.
  for (let round = 1; round <= ROUNDS && !broken.includes('write'); round++) {
    await client.server.health();
    const before = { whole: server.whole(), broken: broken.length };
    const upload = client.session('s').files.upload('big', content);
    await new Promise((resolve) => setImmediate(resolve));
    server.closeUnnoticed();
    const failure = await upload.then(
      () => null,
      (error: unknown) => error,
    );
    const provedNothing = broken.slice(before.broken).some((syscall) => syscall !== 'write');
    if (provedNothing) expect(BoxyardError.hasCode(failure, 'outcome-unknown')).toBe(true);
    else {
      expect(failure).toBeNull();
      expect(server.whole()).toBe(before.whole + 1);
    }
  }
  expect(broken).toContain('write');
});
