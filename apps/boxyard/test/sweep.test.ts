import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { SweepReport } from '@boxyard/contracts';
import { localProvider } from '@boxyard/providers-local';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type SharedServer, startSharedServer } from './shared-server.ts';
import { cliArguments } from './test-server.ts';

const SESSIONS = '/v1/workspaces/default/sessions';
let shared: SharedServer;
beforeAll(async () => {
  // Nobody sweeps but this test.
  shared = await startSharedServer({ BOXYARD_REAPER_PERIOD_MS: '3600000' });
});
afterAll(() => shared.stop());

const sweep = (body: object) => shared.client.json<SweepReport>('POST', '/v1/sweep', { body });

/** The command line as a process of its own. Its answer, and its exit code. */
async function boxyard(...words: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, cliArguments(...words), {
    env: { ...process.env, BOXYARD_URL: shared.client.url, BOXYARD_TOKEN: shared.token },
  });
  return stdout;
}

const verdicts = ({ boxes }: SweepReport) =>
  Object.fromEntries(boxes.map(({ instance, verdict, action }) => [instance, `${verdict} ${action}`]));

test('an operator sees the plan first; then exactly the orphan is destroyed', async () => {
  const { id } = await shared.client.json<{ id: string }>('POST', SESSIONS, { body: {} });
  await shared.client.json('POST', `${SESSIONS}/${id}/terminal/exec`, { body: { command: 'true' } });
  const { sandboxGroupId: named } = await shared.client.json<{ sandboxGroupId: string }>(
    'GET',
    `${SESSIONS}/${id}`,
  );
  const { deployment } = await sweep({ dryRun: true });
  const provider = localProvider({ dataDir: shared.dataDir });
  const make = async (of: string) => {
    const group = uuidv7();
    const tag = { deployment: of, group, epoch: 1 };
    await (await provider.create({ tag, environment: {} })).close();
    return group;
  };
  const [orphan, foreign] = [await make(deployment), await make('another deployment')];

  const plan: SweepReport = JSON.parse(await boxyard('sweep', '--dry-run', '-o', 'json'));
  const before = {
    [orphan]: 'orphan would-destroy',
    [foreign]: 'foreign none',
    [named]: 'named none',
  };
  expect(plan).toMatchObject({ dryRun: true, deployment, unlistable: [], unreachable: [], condemned: [] });
  expect(verdicts(plan)).toEqual(before);
  expect(verdicts(await sweep({ dryRun: true }))).toEqual(before);
  const table = await boxyard('sweep', '--dry-run');
  expect(table).toMatch(new RegExp(`would-destroy +orphan +local +${orphan}`));
  expect(table).toContain('another deployment. It is left alone.');

  expect(verdicts(await sweep({}))).toEqual({ ...before, [orphan]: 'orphan destroyed' });
  expect(verdicts(await sweep({}))).toEqual({ [foreign]: 'foreign none', [named]: 'named none' });
  const ran = await shared.client.json<{ exitCode: number }>('POST', `${SESSIONS}/${id}/terminal/exec`, {
    body: { command: 'true' },
  });
  expect(ran.exitCode).toBe(0);
  await provider.destroy({ ...(await listed(provider, foreign)) });
});

async function listed(provider: ReturnType<typeof localProvider>, instance: string) {
  if (!provider.listing.available) throw new Error('local boxes can be listed');
  for await (const { ref } of provider.listing.use.list()) if (ref.instance === instance) return ref;
  throw new Error(`${instance} is not listed`);
}

test('only an operator sweeps', async () => {
  const { token } = await shared.client.json<{ token: string }>('POST', '/v1/workspaces/default/keys', {
    body: { name: 'user', permissions: ['sessions:read', 'sessions:control', 'keys:manage'] },
  });
  const response = await fetch(new URL('/v1/sweep', shared.client.url), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{"dryRun":true}',
  });
  expect(response.status).toBe(403);
  await response.body?.cancel();
});
