import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { openStage, run } from './sessions-stage.ts';

const exec = promisify(execFile);
const TOKEN = 'token-of-the-source-1234';

/** A real repository with two branches. */
async function makeRepository(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'boxyard-source-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const git = (...words: string[]) =>
    exec('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...words], { cwd: dir });
  await git('init', '-q', '-b', 'main');
  await writeFile(join(dir, 'file.txt'), 'main\n');
  await git('add', '-A');
  await git('commit', '-qm', 'first');
  await git('checkout', '-qb', 'side');
  await writeFile(join(dir, 'file.txt'), 'side\n');
  await git('commit', '-qam', 'second');
  await git('checkout', '-q', 'main');
  await git('update-server-info');
  return dir;
}

/** Serves the repository's files over plain HTTP to who shows the token; git's oldest protocol needs no more. */
async function serve(repository: string): Promise<{ url: string; refusals: () => number }> {
  let refusals = 0;
  const wanted = `Basic ${Buffer.from(`x-access-token:${TOKEN}`).toString('base64')}`;
  const server = createServer(async (request, response) => {
    if (request.headers.authorization !== wanted) {
      refusals++;
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
      return;
    }
    const path = new URL(request.url ?? '/', 'http://x').pathname.replace(/^\/repo\.git\//, '');
    const bytes = await readFile(join(repository, '.git', path)).catch(() => null);
    response.writeHead(bytes ? 200 : 404).end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/repo.git`,
    refusals: () => refusals,
  };
}

test('a source is cloned on first use, once, and at the ref that was asked for', async () => {
  const repository = await makeRepository();
  const stage = await openStage();
  const { service, workspaceId, request } = stage;
  const source = { git: { url: `file://${repository}` } };
  const main = await service.create(workspaceId, request({ source }));
  const first = await Promise.all([run(stage, main.id, 'cat file.txt'), run(stage, main.id, 'cat file.txt')]);
  expect(first).toEqual(['main\n', 'main\n']);
  await run(stage, main.id, 'rm file.txt');
  expect(await run(stage, main.id, 'ls')).toBe('');
  const side = await service.create(
    workspaceId,
    request({ source: { git: { ...source.git, ref: 'side' } } }),
  );
  expect(await run(stage, side.id, 'cat file.txt; git rev-parse --abbrev-ref HEAD')).toBe('side\nside\n');
});

test("a source's token opens it and is in no file of the workspace", async () => {
  const server = await serve(await makeRepository());
  const stage = await openStage();
  const { service, workspaceId, request } = stage;
  const made = await service.create(
    workspaceId,
    request({ source: { git: { url: server.url, token: TOKEN } } }),
  );
  expect(made.source).toEqual({ git: { url: server.url, ref: null } });
  expect(await run(stage, made.id, 'cat file.txt')).toBe('main\n');
  expect(await run(stage, made.id, `grep -rlF ${TOKEN} . || echo none`)).toBe('none\n');
  expect(await run(stage, made.id, 'git fetch origin && echo fetched')).toBe('fetched\n');
  const file = 'eval "file=$(git config credential.helper | sed s/^store.--file=//)"';
  expect(await run(stage, made.id, `${file}; stat -c %a "$file"`)).toBe('600\n');
  // It goes with the box: nothing else removes what is outside of it.
  const kept = await run(stage, made.id, `${file}; realpath "$file"`);
  expect(kept).toMatch(`${stage.dataDir}/boxes/${made.sandboxGroupId}/keep/`);
});

test('git of a workspace that came from another box asks for the credentials of this one', async () => {
  const server = await serve(await makeRepository());
  const stage = await openStage();
  const { service, workspaceId, request } = stage;
  const { id } = await service.create(
    workspaceId,
    request({ source: { git: { url: server.url, token: TOKEN } } }),
  );
  const helper = await run(stage, id, 'git config credential.helper');
  await run(stage, id, "git config credential.helper 'store --file=/tmp/boxyard-credentials-other/git'");
  await stage.service.replaceSourceToken(workspaceId, id, TOKEN);
  expect(await run(stage, id, 'git fetch origin && git config credential.helper')).toBe(helper);
  // What its owner chose is left alone.
  await run(stage, id, "git config credential.helper 'cache'");
  await stage.service.replaceSourceToken(workspaceId, id, TOKEN);
  expect(await run(stage, id, 'git config credential.helper')).toBe('cache\n');
});

test('a source that cannot be cloned says why, without its token', async () => {
  const server = await serve(await makeRepository());
  const stage = await openStage();
  const { service, workspaceId, request } = stage;
  const wrong = 'wrong-token-987654';
  const made = await service.create(
    workspaceId,
    request({ source: { git: { url: server.url, token: wrong } } }),
  );
  const failure = await run(stage, made.id, 'true').catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'invalid', stage: 'source.clone' });
  expect(String(failure)).not.toContain(wrong);
  expect(server.refusals()).toBeGreaterThan(0);
});
