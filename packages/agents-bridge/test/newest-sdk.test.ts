// The repository pins one version of the SDK; users have newer ones. This is the newest, installed beside us.
import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AGENTS_SESSION_CASES } from '../src/conformance.ts';

const NEWEST = '0.20.0';
const packages = resolve(import.meta.dirname, '../..');
const NO_NETWORK = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH/;

// One for each try: what a failed one left must not fail the next.
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'boxyard-newest-sdk-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Our own sources, in a place from which Node finds that SDK and not the repository's. */
async function placeSources(): Promise<void> {
  const bridge = join(folder, 'bridge');
  await cp(join(packages, 'agents-bridge/src'), join(bridge, 'src'), { recursive: true });
  await cp(join(packages, 'agents-bridge/test'), join(bridge, 'test'), { recursive: true });
  await writeFile(join(bridge, 'package.json'), JSON.stringify({ type: 'module' }));
  await mkdir(join(bridge, 'node_modules/@boxyard'), { recursive: true });
  for (const name of ['sandbox-core', 'providers-local']) {
    await symlink(join(packages, name), join(bridge, 'node_modules/@boxyard', name));
  }
}

test(`every case of the session contract holds with @openai/agents ${NEWEST}`, async (context) => {
  await placeSources();
  const dependencies = { '@openai/agents': NEWEST, '@openai/agents-core': NEWEST, zod: '^4.0.0' };
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }));
  const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline'];
  const installed = spawnSync('npm', ['install', ...flags], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 90_000,
  });
  if (installed.status !== 0 && NO_NETWORK.test(installed.stderr) && process.env.CI !== 'true') {
    context.skip('the registry cannot be reached from here');
  }
  expect(installed.status, installed.stderr).toBe(0);

  // SIGKILL: upon SIGTERM the SDK ends its process with 0, and a run that was cut off would look like one that ended.
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--conditions=@boxyard/source', join(folder, 'bridge/test/every-session-case.ts')],
    {
      cwd: folder,
      encoding: 'utf8',
      timeout: 120_000,
      killSignal: 'SIGKILL',
      env: { ...process.env, NODE_OPTIONS: '' },
    },
  );
  expect(status, stderr).toBe(0);
  expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual({
    version: NEWEST,
    count: AGENTS_SESSION_CASES.length,
    failures: [],
  });
}, 240_000);
