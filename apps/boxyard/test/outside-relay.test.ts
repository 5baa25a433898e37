// A relay that runs as a process of its own hears of sessions that go elsewhere from the server that sends them.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { StreamKind } from '@boxyard/agent-proto/messages';
import { RelayDialler } from '@boxyard/agent-proto/relay';
import type { SwapSandboxResponse } from '@boxyard/contracts';
import { deriveTokenSecret } from '@boxyard/sandbox-core';
import { expect, onTestFinished, test } from 'vitest';
import { createSession, postTo, readSession } from './machine-walk.ts';
import { startSharedServer } from './shared-server.ts';
import { viewerToken } from './stream-tokens.ts';

const RELAY = join(import.meta.dirname, '../../relay/src/main.ts');
const SECRET_KEY = 'what-server-and-relay-and-this-test-sign-with';

async function startRelayProcess(): Promise<string> {
  const child = spawn(process.execPath, ['--conditions=@boxyard/source', RELAY], {
    env: {
      PATH: process.env.PATH,
      BOXYARD_RELAY_SECRET: Buffer.from(deriveTokenSecret(SECRET_KEY)).toString('hex'),
      BOXYARD_RELAY_PORT: '0',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line) as { readonly msg: string; readonly url: string };
    if (said.msg === 'ready') return said.url;
  }
  throw new Error('The relay ended before it was ready.');
}

test('when a session goes elsewhere its streams at a relay outside end, and tokens of before open none there', {
  timeout: 90_000,
}, async () => {
  const url = await startRelayProcess();
  const { client, stop } = await startSharedServer({
    BOXYARD_RELAY_URL: url,
    BOXYARD_SECRET_KEY: SECRET_KEY,
  });
  onTestFinished(stop);
  const swap = (id: string, target: unknown) =>
    postTo<SwapSandboxResponse>(client, id, 'active-sandbox', { target });
  const [id, staying] = [await createSession(client), await createSession(client)];
  const moved = await swap(id, { backend: 'local' });
  const stayed = await swap(staying, { backend: 'local' });
  const { workspaceId } = await readSession(client, id);
  const channel = {
    workspaceId,
    agentId: randomUUID(),
    channelId: randomUUID(),
    kind: StreamKind.PTY,
    port: 7681,
  };
  const watch = (sessionId: string, leaseEpoch: number) => {
    const token = viewerToken(SECRET_KEY, { channel, sessionId, viewerId: randomUUID(), leaseEpoch });
    return new RelayDialler({ url, token: () => token, delayMs: () => 10 }).consume(channel);
  };
  const [gone, here] = [await watch(id, moved.activeEpoch), await watch(staying, stayed.activeEpoch)];
  const home = await swap(id, 'home');
  expect((await gone.ended).error).toMatchObject({ code: 'fenced' });
  await expect(watch(id, moved.activeEpoch)).rejects.toMatchObject({ code: 'fenced' });
  // Whoever stays is watched on, and whoever went along watches there.
  expect(await Promise.race([here.ended, 'goes on'])).toBe('goes on');
  const along = await watch(id, home.activeEpoch);
  for (const stream of [here, along]) await stream.close({ deadlineMs: 10 });
});
