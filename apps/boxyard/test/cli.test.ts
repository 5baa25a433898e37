import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@tooling/eventually';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Outcome, runCommandLine } from './command-line.ts';
import { ApiClient } from './raw-api.ts';
import { type SharedServer, startSharedServer } from './shared-server.ts';
import { cliArguments, deleteSessions, startTestServer, temporaryDataDir } from './test-server.ts';

let shared: SharedServer;
beforeAll(async () => {
  shared = await startSharedServer();
});
afterAll(() => shared.stop());

/** The command line as a process of its own, against the shared server. */
const boxyard = (words: readonly string[], stdin = '', env: Record<string, string> = {}): Promise<Outcome> =>
  runCommandLine(words, { BOXYARD_URL: shared.client.url, BOXYARD_TOKEN: shared.token, ...env }, stdin);

test('a session is made, used, shown and ended from the command line', async () => {
  const created = await boxyard(['sandbox', 'create', '--name', 'cli', '--env', 'GREETING=hi', '-o', 'json']);
  const { id } = JSON.parse(created.stdout) as { id: string };

  const ran = await boxyard([
    'sandbox',
    'exec',
    id,
    '--',
    'sh',
    '-c',
    'echo "$GREETING"; echo err >&2; exit 7',
  ]);
  expect(ran).toEqual({ code: 7, stdout: 'hi\n', stderr: 'err\n' });
  const piped = await boxyard(['sandbox', 'exec', '-i', id, '--', 'tr', 'a-z', 'A-Z'], 'piped\n');
  expect(piped).toMatchObject({ code: 0, stdout: 'PIPED\n' });
  const odd = await boxyard(['sandbox', 'exec', id, '--', 'printf', '%s|', "it's", '*', '', '-n', 'ü']);
  expect(odd.stdout).toBe("it's|*||-n|ü|");
  const json = await boxyard(['sandbox', 'exec', '-o', 'json', id, '--', 'echo', 'x']);
  expect(JSON.parse(json.stdout)).toEqual({ stdout: 'x\n', stderr: '', exitCode: 0 });

  const scratch = await mkdtemp(join(tmpdir(), 'boxyard-cli-'));
  await writeFile(join(scratch, 'in.txt'), 'copied');
  expect((await boxyard(['sandbox', 'cp', join(scratch, 'in.txt'), `${id}:there.txt`])).code).toBe(0);
  expect((await boxyard(['sandbox', 'exec', id, '--', 'cat', 'there.txt'])).stdout).toBe('copied');
  await rm(scratch, { recursive: true });

  const listed = await boxyard(['sandbox', 'list']);
  expect(listed.stdout).toContain(id);
  expect((await boxyard(['sandbox', 'kill', id])).code).toBe(0);
  expect((await boxyard(['sandbox', 'exec', id, '--', 'true'])).code).toBe(1);
});

test('keys and workspaces are managed from the command line', async () => {
  expect((await boxyard(['workspace', 'create', 'team-a'])).code).toBe(0);
  expect((await boxyard(['workspace', 'list'])).stdout).toContain('team-a');
  const key = await boxyard([
    'key',
    'create',
    '-w',
    'team-a',
    '--name',
    'ci',
    '--permissions',
    'sessions:read,files:read',
    '-o',
    'json',
  ]);
  const made = JSON.parse(key.stdout) as { id: string; token: string };
  const asKey = { BOXYARD_TOKEN: made.token };
  expect((await boxyard(['sandbox', 'list', '-w', 'team-a'], '', asKey)).code).toBe(0);
  expect(await boxyard(['sandbox', 'create', '-w', 'team-a'], '', asKey)).toMatchObject({
    code: 1,
    stdout: '',
  });
  expect((await boxyard(['key', 'list', '-w', 'team-a'])).stdout).not.toContain(made.token);
  expect((await boxyard(['key', 'revoke', '-w', 'team-a', made.id])).code).toBe(0);
  expect((await boxyard(['sandbox', 'list', '-w', 'team-a'], '', asKey)).code).toBe(1);
});

test('what is wrong is told in one line', async () => {
  const unknown = await boxyard(['sandbox', 'exec', '00000000-0000-7000-8000-000000000000', '--', 'true']);
  expect(unknown.code).toBe(1);
  expect(unknown.stderr.trim().split('\n')).toHaveLength(1);
  const refused = await boxyard(['sandbox', 'list'], '', { BOXYARD_URL: 'http://127.0.0.1:1' });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/^boxyard: .*\n$/);
});

test('a server of its own: found by its folder, refused twice, ended with its boxes named and freed', async () => {
  const dataDir = await temporaryDataDir();
  const server = await startTestServer(dataDir);
  expect((await stat(join(dataDir, 'token'))).mode & 0o777).toBe(0o600);
  const env = { ...process.env, BOXYARD_DATA_DIR: dataDir };
  const own = (...words: string[]) =>
    new Promise<Outcome>((resolve) => {
      execFile(process.execPath, cliArguments(...words), { env }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : ((error.code as number | undefined) ?? null), stdout, stderr });
      });
    });
  const made = await own('sandbox', 'create', '--start');
  expect(made).toMatchObject({ code: 0 });

  const second = await own('up', '--port', '0');
  expect(second.code).toBe(1);
  expect(second.stderr).toMatch(/another server|already/i);

  const down = await own('down');
  expect(down).toMatchObject({ code: 0 });
  expect(down.stdout).toContain('freed ');
  await server.terminate();
  expect(server.printed()).toContain('No box stays');
});

test('a server that is told to end finishes what runs and names the boxes that stay', async () => {
  const dataDir = await temporaryDataDir();
  const first = await startTestServer(dataDir);
  const { sandboxGroupId, id } = await first.client.json<{ sandboxGroupId: string; id: string }>(
    'POST',
    '/v1/workspaces/default/sessions',
    { body: { start: true } },
  );
  const running = first.client.json<{ stdout: string }>(
    'POST',
    `/v1/workspaces/default/sessions/${id}/terminal/exec`,
    {
      body: { command: 'echo begun >begun; sleep 2; echo done' },
    },
  );
  const begun = join(dataDir, 'boxes', sandboxGroupId, 'workspace', 'begun');
  await eventually('the command has begun', () => stat(begun).catch(() => null));
  const ended = first.terminate();
  expect((await running).stdout).toBe('done\n');
  expect((await ended).trim().split('\n').at(-1)).toContain(sandboxGroupId);
  const again = await startTestServer(dataDir);
  await again.client.json('DELETE', `/v1/workspaces/default/sessions/${id}`);
  await again.terminate();
});

test("what 'npm start' runs shows the demo and goes on as a server", async () => {
  const root = JSON.parse(await readFile(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    scripts: { app: string };
  };
  const words = /main\.js (.*)$/.exec(root.scripts.app)?.[1]?.split(' ') ?? [];
  const dataDir = await temporaryDataDir();
  const child = spawn(process.execPath, cliArguments(...words, '--data-dir', dataDir, '--port', '0'));
  onTestFinished(() => void child.kill('SIGKILL'));
  let printed = '';
  child.stdout.on('data', (chunk) => {
    printed += chunk;
  });
  await eventually('the end of the demo', async () => printed.includes('The boxes stay.'), {
    withinMs: 60_000,
  });
  expect(printed).toContain('The model is scripted');
  expect(printed).toMatch(/FAILED: a list whose last line[\s\S]*all tests passed[\s\S]*tag: mended/);
  const curl = /^ {2}(curl .*)$/m.exec(printed)?.[1] ?? '';
  const listed = await new Promise<string>((resolve) => {
    execFile('/bin/sh', ['-c', curl], (_, stdout) => resolve(stdout));
  });
  const { items } = JSON.parse(listed) as { items: { id: string; name: string }[] };
  expect(items.map(({ name }) => name)).toEqual(['demo']);
  const { url, token } = {
    url: /on (http:\S+)/.exec(printed)?.[1] ?? '',
    token: /Bearer (\S+?)"/.exec(printed)?.[1] ?? '',
  };
  await deleteSessions(new ApiClient({ url, token }));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
});
