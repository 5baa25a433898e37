import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GitDiffRequest, GitLogRequest, GitShowRequest, GitStatusRequest } from '@boxyard/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GitRepository } from '../../test/git-repository.ts';
import { openTestBox, type TestBox } from '../../test/local-box.ts';
import { MemoryStore } from '../../test/memory-store.ts';
import { GitService } from './git-service.ts';

let test: TestBox;
let git: GitService;
let root: string;

beforeAll(async () => {
  test = await openTestBox();
  root = test.box.workspaceRoot;
  git = new GitService({ box: test.box, journal: new MemoryStore().journal(test.groupId) });
});
afterAll(async () => {
  await test[Symbol.asyncDispose]();
});

/** Every read of the service, one after the other; failures are answers too. */
async function readEverything(path: string): Promise<unknown[]> {
  const reads = [
    () => git.status(GitStatusRequest.parse({ path })),
    () => git.diff(GitDiffRequest.parse({ path })),
    () => git.diff(GitDiffRequest.parse({ path, staged: true })),
    () => git.diff(GitDiffRequest.parse({ path, fromRef: 'HEAD' })),
    () => git.diff(GitDiffRequest.parse({ path, fromRef: 'HEAD~1', toRef: 'HEAD' })),
    () => git.log(GitLogRequest.parse({ path })),
    () => git.log(GitLogRequest.parse({ path, pathspec: ['a.txt'] })),
    () => git.show(GitShowRequest.parse({ path })),
    () => git.show(GitShowRequest.parse({ path, filePath: 'a.txt' })),
  ];
  const answers: unknown[] = [];
  for (const read of reads) answers.push(await read().catch((error: unknown) => error));
  return answers;
}

describe('a repository whose config names programs', () => {
  let repo: GitRepository;
  let traps: string;

  /** A program that leaves a mark when it is run, and passes its input on so that git goes on. */
  async function trap(name: string, then = 'cat'): Promise<string> {
    const program = join(traps, `${name}.sh`);
    await writeFile(program, `#!/bin/sh\n: > '${traps}/ran-${name}'\n${then}\n`);
    await chmod(program, 0o755);
    return program;
  }

  const ran = async () => (await readdir(traps)).filter((name) => name.startsWith('ran-')).sort();

  async function setTraps(repository: GitRepository, prefix: string): Promise<void> {
    const set = async (key: string, name: string) =>
      repository.git('config', key, await trap(`${prefix}${name}`));
    await set('core.fsmonitor', 'fsmonitor');
    await set('core.pager', 'pager');
    await set('pager.diff', 'pager-diff');
    await set('core.sshCommand', 'ssh');
    await set('core.editor', 'editor');
    await set('core.askPass', 'askpass');
    await set('diff.external', 'external');
    await set('diff.evil.command', 'diff-command');
    await set('diff.evil.textconv', 'textconv');
    await set('filter.evil.clean', 'clean');
    await set('filter.evil.smudge', 'smudge');
    await set('filter.we=ird.clean', 'odd-clean');
    await set('filter.long.process', 'process');
    await set('gpg.program', 'gpg');
    await set('credential.helper', 'credential');
    await repository.git('config', 'filter.evil.required', 'true');
    await repository.git('config', 'filter.long.required', 'true');
    await repository.git('config', 'log.showSignature', 'true');
    await repository.git('config', 'alias.status', `!${await trap(`${prefix}alias`)}`);
    await repository.git('config', 'status.submoduleSummary', 'true');
    await repository.git('config', 'diff.submodule', 'log');
    const hooks = join(traps, `${prefix}hooks`);
    await mkdir(hooks, { recursive: true });
    for (const hook of [
      'post-index-change',
      'post-checkout',
      'reference-transaction',
      'fsmonitor-watchman',
    ]) {
      await writeFile(join(hooks, hook), `#!/bin/sh\n: > '${traps}/ran-${prefix}hook-${hook}'\n`, {
        mode: 0o755,
      });
    }
    await repository.git('config', 'core.hooksPath', hooks);
  }

  beforeAll(async () => {
    repo = await GitRepository.init(join(root, 'hostile'));
    traps = join(test.dataDir, 'traps');
    await mkdir(traps);
    const inner = await GitRepository.init(join(repo.root, 'inner'));
    await inner.write('x.txt', 'x\n');
    await inner.write('.gitattributes', '*.txt filter=evil diff=evil\n');
    await inner.commit('inner');
    await repo.write(
      '.gitattributes',
      '*.txt filter=evil diff=evil\n*.long filter=long\n*.odd filter=we=ird\n',
    );
    await repo.write('.git/info/attributes', '*.txt filter=evil diff=evil\n');
    for (const name of ['0.md', 'a.txt', 'b.long', 'c.odd']) await repo.write(name, 'one\n');
    await repo.commit('one');
    for (const name of ['a.txt', 'b.long', 'c.odd']) await repo.write(name, 'two!\n');
    await repo.commit('two');
    // A commit that says it is signed makes git ask a program whether it is.
    const [head, ...message] = (await repo.git('cat-file', 'commit', 'HEAD')).split('\n\n');
    const signed = `${head}\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n\n${message.join('\n\n')}`;
    const sha = await repo.gitWithInput(signed, 'hash-object', '-t', 'commit', '-w', '--stdin');
    await repo.git('reset', '--quiet', '--soft', sha);
    for (const name of ['0.md', 'a.txt', 'b.long', 'c.odd']) await repo.write(name, 'three\n');
    await inner.write('x.txt', 'changed\n');
    await setTraps(inner, 'inner-');
    await setTraps(repo, '');
  });

  it('is a trap for plain git', async () => {
    await repo.tryGit('status');
    await repo.tryGit('diff');
    // The filter that breaks its protocol ends git before it comes to the others.
    const unbroken = ['-c', 'filter.long.process=', '-c', 'filter.long.required=false'];
    await repo.tryGit(...unbroken, 'diff');
    await repo.tryGit(...unbroken, 'diff', '--no-ext-diff');
    await repo.tryGit('log');
    const sprung = await ran();
    for (const name of [
      'clean',
      'odd-clean',
      'diff-command',
      'external',
      'fsmonitor',
      'gpg',
      'process',
      'textconv',
      'inner-fsmonitor',
    ]) {
      expect(sprung).toContain(`ran-${name}`);
    }
  });

  it('runs none of them for the service, and is read all the same', async () => {
    const before = await ran();
    await Promise.all(before.map((name) => test.box.exec({ program: { argv: ['rm', join(traps, name)] } })));
    expect(await ran()).toEqual([]);
    const [status, worktree, staged, , refs, log, , show, blob] = await readEverything('hostile');
    expect(await ran()).toEqual([]);
    expect(status).toMatchObject({
      isRepo: true,
      files: [{ path: '0.md' }, { path: 'a.txt' }, { path: 'b.long' }, { path: 'c.odd' }],
    });
    expect(worktree).toMatchObject({ files: [{}, { path: 'a.txt', additions: 1, deletions: 1 }, {}, {}] });
    expect(staged).toMatchObject({ files: [] });
    expect(refs).toMatchObject({ files: [{ path: 'a.txt' }, { path: 'b.long' }, { path: 'c.odd' }] });
    expect(log).toMatchObject({ commits: [{ subject: 'two' }, { subject: 'one' }] });
    expect(show).toMatchObject({ commit: { subject: 'two' }, files: [{}, {}, {}] });
    expect(blob).toMatchObject({ blob: { content: 'two!\n' } });
  });

  it('fetches nothing that a partial clone lacks', async () => {
    const partial = await GitRepository.init(join(root, 'partial'));
    const blob = await partial.gitWithInput('content\n', 'hash-object', '-w', '--stdin');
    const tree = await partial.gitWithInput(`100644 blob ${blob}\ta.txt\n`, 'mktree');
    const first = await partial.git('commit-tree', tree, '-m', 'one');
    await partial.git('update-ref', 'refs/heads/main', first);
    const program = await trap('promisor', 'exit 1');
    await partial.git('config', 'extensions.partialClone', 'origin');
    await partial.git('config', 'core.repositoryFormatVersion', '1');
    await partial.git('config', 'remote.origin.promisor', 'true');
    await partial.git('config', 'remote.origin.url', `ext::${program} %S`);
    await partial.git('config', 'remote.origin.uploadpack', program);
    await partial.git('config', 'protocol.ext.allow', 'always');
    await test.box.files.remove(`partial/.git/objects/${blob.slice(0, 2)}`, { recursive: true });
    expect(await partial.tryGit('cat-file', '-p', blob)).toMatch(/./);
    expect(await ran()).toEqual(['ran-promisor']);
    await test.box.exec({ program: { argv: ['rm', join(traps, 'ran-promisor')] } });

    const answers = await readEverything('partial');
    expect(await ran()).toEqual([]);
    expect(answers.at(-1)).toMatchObject({ code: 'not-found' });
    expect(answers[0]).toMatchObject({ isRepo: true });
  });
});

describe('a repository that leads out of the workspace', () => {
  let outside: GitRepository;

  beforeAll(async () => {
    outside = await GitRepository.init(join(test.dataDir, 'outside'));
    await outside.write('a.txt', 'secret\n');
    await outside.commit('secret one');
    await outside.write('a.txt', 'secret two\n');
    await outside.commit('secret two');
    await outside.write('a.txt', 'secret three\n');
  });

  const expectDenied = async (path: string) => {
    const answers = await Promise.all([
      git.status(GitStatusRequest.parse({ path })).catch((error: unknown) => error),
      git.diff(GitDiffRequest.parse({ path, fromRef: 'HEAD' })).catch((error: unknown) => error),
      git.log(GitLogRequest.parse({ path })).catch((error: unknown) => error),
      git.show(GitShowRequest.parse({ path, filePath: 'a.txt' })).catch((error: unknown) => error),
    ]);
    for (const answer of answers) expect(answer).toMatchObject({ code: 'denied' });
    expect(JSON.stringify(answers)).not.toContain('secret');
  };

  it('is refused for a worktree elsewhere', async () => {
    const repo = await GitRepository.init(join(root, 'core-worktree'));
    await repo.commit('one');
    await repo.git('config', 'core.worktree', outside.root);
    await expectDenied('core-worktree');
  });

  it('is refused for a repository elsewhere, named by file or by common folder', async () => {
    await test.box.files.mkdir('gitfile');
    await writeFile(join(root, 'gitfile/.git'), `gitdir: ${outside.root}/.git\n`);
    await expectDenied('gitfile');

    const repo = await GitRepository.init(join(root, 'commondir'));
    await repo.commit('one');
    await writeFile(join(repo.root, '.git/commondir'), `${outside.root}/.git\n`);
    await expectDenied('commondir');
  });

  it('is refused for objects that it borrows elsewhere, also over others', async () => {
    const middle = await GitRepository.init(join(root, 'middle'));
    await middle.commit('one');
    await writeFile(join(middle.root, '.git/objects/info/alternates'), `${outside.root}/.git/objects\n`);
    await expectDenied('middle');

    const borrower = await GitRepository.init(join(root, 'borrower'));
    await borrower.commit('one');
    const alternates = join(borrower.root, '.git/objects/info/alternates');
    await writeFile(alternates, '../../../middle/.git/objects\n');
    await expectDenied('borrower');
    await writeFile(alternates, `"${outside.root}/.git/objects"\n`);
    await expectDenied('borrower');
    await writeFile(alternates, '# nothing\n../../../gone/.git/objects');
    expect(await git.status({ path: 'borrower' })).toMatchObject({ isRepo: true });
  });

  it('is not looked for in a folder that only looks like a bare one', async () => {
    await GitRepository.init(join(root, 'holder'));
    const bare = join(root, 'holder/not-git');
    await test.box.files.mkdir('holder/not-git');
    const repo = await GitRepository.init(join(root, 'to-be-bare'));
    await repo.git('init', '--quiet', '--bare', bare);
    expect(await git.status({ path: 'holder/not-git' })).toMatchObject({ isRepo: false });
  });
});
