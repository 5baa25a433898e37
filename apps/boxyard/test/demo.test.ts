// `boxyard demo` as a newcomer runs it: on no server, and with nothing left behind.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startScriptedModel } from '@boxyard/scripted-model';
import { sharedTestEngine } from '@tooling/docker-engine';
import { eventually } from '@tooling/eventually';
import { needs } from '@tooling/system-parts';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runCommandLine, startCommandLine } from './command-line.ts';

/** Each demo makes a database, starts a server and ends both. */
const HANGS = { timeout: 180_000 };

/** Everything that a demo writes down lies below it while it runs. */
async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'boxyard-demo-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 }));
  return folder;
}

/** Other tests may have an engine at the usual place. */
const NO_ENGINE = '/nonexistent/docker.sock';

const titlesIn = (shown: string) =>
  shown.split('\n').filter((line) => /^(\$|update file|swap_sandbox|box:|done|failed)/.test(line));

test(
  'the agent mends a failing test, commits, and goes on in a second box with its files',
  HANGS,
  async () => {
    const folder = await emptyFolder();
    const ran = await runCommandLine(['demo'], { TMPDIR: folder, BOXYARD_DOCKER_SOCKET: NO_ENGINE });
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toMatch(/^The model is scripted: no key is needed/);
    expect(titlesIn(ran.stdout)).toEqual([
      '$ git log --oneline; cat total.sh CHANGELOG.md',
      '$ sh test.sh',
      'update file total.sh',
      'update file CHANGELOG.md',
      '$ sh test.sh',
      expect.stringMatching(/^\$ git commit/),
      'swap_sandbox {"target":"local","carry":true}',
      expect.stringMatching(/^box: the session works in \S+ now, files carried along \(EXACT\)$/),
      expect.stringMatching(/^\$ sh test.sh && git tag mended/),
      expect.stringMatching(/^done · 8 questions to the model/),
    ]);
    expect(ran.stdout).toMatch(/FAILED: a list whose last line[\s\S]*all tests passed[\s\S]*tag: mended/);
    expect(await readdir(folder)).toEqual([]);
  },
);

test('with another fault the script knows no way on, and the turn fails', HANGS, async () => {
  const folder = await emptyFolder();
  const env = { TMPDIR: folder, BOXYARD_DOCKER_SOCKET: NO_ENGINE };
  const ran = await runCommandLine(['demo', '--broken', '-o', 'json'], env);
  expect(ran).toMatchObject({ code: 1, stderr: '' });
  const last = JSON.parse(ran.stdout.trimEnd().split('\n').at(-1) ?? '');
  expect(last).toMatchObject({ type: 'turn.failed', payload: { error: { code: 'model' } } });
  expect(last.payload.error.message).toMatch(/scripted model .* FAILED: a price with a comma/);
  expect(await readdir(folder)).toEqual([]);
});

test(
  'a model of one’s own is asked instead, and a demo that is ended in the middle leaves nothing',
  HANGS,
  async () => {
    const folder = await emptyFolder();
    await using model = await startScriptedModel({
      script: () => [
        { kind: 'text', text: 'I am another one. ' },
        { kind: 'pause', ms: 600_000 },
      ],
    });
    const { child, outcome, printed } = startCommandLine(['demo', '--to', 'local'], {
      TMPDIR: folder,
      BOXYARD_MODEL_BASE_URL: model.baseUrl,
      BOXYARD_MODEL: 'other',
    });
    await eventually('the words of the model', async () => printed().includes('I am another one.'));
    expect(printed()).toContain(`The model is other at ${model.baseUrl}.`);
    child.kill('SIGTERM');
    expect(await outcome).toMatchObject({ code: 130, stderr: '' });
    expect(await readdir(folder)).toEqual([]);
  },
);

describe('with a Docker Engine', needs('docker', 'debootstrap'), () => {
  test('the second half is done in a container', { timeout: 600_000 }, async () => {
    await using engine = await sharedTestEngine({ images: ['debian'] });
    const folder = await emptyFolder();
    const ran = await runCommandLine(['demo'], {
      TMPDIR: folder,
      BOXYARD_DOCKER_SOCKET: engine.socketPath,
      BOXYARD_DOCKER_NETWORK: 'boxyard-test',
      BOXYARD_DOCKER_MEMORY_MB: '256',
    });
    expect(ran.stdout).toContain('swap_sandbox {"target":"docker","carry":true}');
    expect(ran.stdout).toMatch(/files carried along \(EXACT\)\n[\s\S]*all tests passed\n[\s\S]*tag: mended/);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(await readdir(folder)).toEqual([]);
  });
});
