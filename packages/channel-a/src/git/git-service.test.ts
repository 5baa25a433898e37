import { rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  GitDiffRequest,
  GitDiffResponse,
  GitLogRequest,
  GitLogResponse,
  GitShowRequest,
  GitShowResponse,
  GitStatusRequest,
  GitStatusResponse,
} from '@boxyard/contracts';
import type { Box } from '@boxyard/sandbox-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GitRepository } from '../../test/git-repository.ts';
import { openTestBox, type TestBox } from '../../test/local-box.ts';
import { MemoryStore } from '../../test/memory-store.ts';
import { GitService } from './git-service.ts';

let test: TestBox;
let git: GitService;
let executions = 0;

/** The same box, with every command counted. */
const counted = (box: Box): Box => ({
  ref: box.ref,
  workspaceRoot: box.workspaceRoot,
  epoch: box.epoch,
  capabilities: box.capabilities,
  files: box.files,
  exec: (request, options) => {
    executions += 1;
    return box.exec(request, options);
  },
  spawn: (request, options) => {
    executions += 1;
    return box.spawn(request, options);
  },
  close: () => box.close(),
  [Symbol.asyncDispose]: () => box.close(),
});

beforeAll(async () => {
  test = await openTestBox();
  git = new GitService({ box: counted(test.box), journal: new MemoryStore().journal(test.groupId) });
});
afterAll(async () => {
  await test[Symbol.asyncDispose]();
});

const repository = (name: string) => GitRepository.init(join(test.box.workspaceRoot, name));
const status = async (path: string) =>
  GitStatusResponse.parse(await git.status(GitStatusRequest.parse({ path })));
const diff = async (request: unknown) => GitDiffResponse.parse(await git.diff(GitDiffRequest.parse(request)));
const log = async (request: unknown) => GitLogResponse.parse(await git.log(GitLogRequest.parse(request)));
const show = async (request: unknown) => GitShowResponse.parse(await git.show(GitShowRequest.parse(request)));

describe('status', () => {
  it('tells changes, renames and untracked files of a branch and its upstream', async () => {
    const repo = await repository('status');
    await repo.write('kept.txt', 'a\n');
    await repo.write('moved away.txt', 'long enough to be recognised\n');
    await repo.commit('one');
    await repo.git('branch', 'base');
    await repo.git('branch', '--quiet', '--set-upstream-to=base');
    await repo.commit('two');
    await repo.git('mv', 'moved away.txt', 'moved "here".txt');
    await repo.write('kept.txt', 'b\n');
    await repo.write('new/deep/file.txt', '');

    expect(await status('status')).toEqual({
      isRepo: true,
      head: 'main',
      detached: false,
      upstream: 'base',
      ahead: 1,
      behind: 0,
      files: [
        { path: 'kept.txt', oldPath: null, index: '.', worktree: 'M', isConflicted: false },
        {
          path: 'moved "here".txt',
          oldPath: 'moved away.txt',
          index: 'R',
          worktree: '.',
          isConflicted: false,
        },
        { path: 'new/deep/file.txt', oldPath: null, index: '?', worktree: '?', isConflicted: false },
      ],
      revision: 0,
    });
    expect((await status('status/new/deep')).files).toHaveLength(3);
  });

  it('says that there is no repository, and never finds one above the workspace', async () => {
    await GitRepository.init(test.dataDir);
    await test.box.files.mkdir('plain');
    for (const path of ['', 'plain']) {
      expect(await status(path)).toMatchObject({ isRepo: false, head: null, files: [] });
    }
    await expect(diff({ path: 'plain' })).rejects.toMatchObject({ code: 'invalid', started: 'no' });
    await expect(status('missing')).rejects.toMatchObject({ code: 'not-found' });
    await expect(status('../plain')).rejects.toMatchObject({ code: 'invalid' });
    await expect(status('/etc')).rejects.toMatchObject({ code: 'invalid' });
  });

  it('reads a branch without a commit and a detached head', async () => {
    const repo = await repository('unborn');
    expect(await status('unborn')).toMatchObject({ isRepo: true, head: 'main', detached: false });
    expect(await log({ path: 'unborn' })).toEqual({ commits: [], hasMore: false });
    await repo.write('a', '1');
    await repo.git('add', 'a');
    expect((await diff({ path: 'unborn', staged: true })).files).toMatchObject([{ path: 'a', status: 'A' }]);
    const sha = await repo.commit('one');
    await repo.git('checkout', '--quiet', '--detach');
    expect(await status('unborn')).toMatchObject({ head: sha, detached: true });
  });
});

describe('diff', () => {
  it('tells every kind of change in one command', async () => {
    const repo = await repository('diff');
    const odd = 'we "ird"\tname\nü';
    await repo.write('text', 'a\nb\nc\n');
    await repo.write(odd, '1\n');
    await repo.write('binary.png', Uint8Array.of(0, 1, 2));
    await repo.write('gone', 'x\n');
    await repo.write('becomes-link', 'x\n');
    await repo.write('no-end', 'x');
    await repo.write('old-name', 'a line that stays\n'.repeat(10));
    await repo.commit('one');
    await repo.write('text', 'a\nB\nc\n');
    await repo.write(odd, '2\n');
    await repo.write('binary.png', Uint8Array.of(0, 1, 3));
    await rm(join(repo.root, 'gone'));
    await rm(join(repo.root, 'becomes-link'));
    await symlink('text', join(repo.root, 'becomes-link'));
    await repo.write('no-end', 'y');
    await repo.git('mv', 'old-name', 'new-name');

    executions = 0;
    const { files } = await diff({ path: 'diff', fromRef: 'HEAD' });
    expect(executions).toBe(1);
    const byPath = new Map(files.map((file) => [file.path, file]));
    expect([...byPath.keys()].sort()).toEqual(
      ['becomes-link', 'binary.png', 'gone', 'new-name', 'no-end', 'text', odd].sort(),
    );
    expect(byPath.get('text')).toEqual({
      path: 'text',
      oldPath: null,
      status: 'M',
      isBinary: false,
      isImage: false,
      additions: 1,
      deletions: 1,
      truncated: false,
      hunks: [
        {
          oldStart: 1,
          oldLines: 3,
          newStart: 1,
          newLines: 3,
          header: '',
          lines: [
            { type: 'context', oldNo: 1, newNo: 1, text: 'a' },
            { type: 'del', oldNo: 2, newNo: null, text: 'b' },
            { type: 'add', oldNo: null, newNo: 2, text: 'B' },
            { type: 'context', oldNo: 3, newNo: 3, text: 'c' },
          ],
        },
      ],
    });
    expect(byPath.get(odd)).toMatchObject({
      status: 'M',
      additions: 1,
      hunks: [{ lines: [{}, { text: '2' }] }],
    });
    expect(byPath.get('binary.png')).toMatchObject({ isBinary: true, isImage: true, hunks: [] });
    expect(byPath.get('gone')).toMatchObject({ status: 'D', deletions: 1 });
    expect(byPath.get('becomes-link')).toMatchObject({
      status: 'T',
      hunks: [{}, { lines: [{ text: 'text' }] }],
    });
    expect(byPath.get('no-end')!.hunks[0]!.lines.map(({ text }) => text)).toEqual(['x', 'y']);
    expect(byPath.get('new-name')).toMatchObject({ status: 'R', oldPath: 'old-name', hunks: [] });
  });

  it('compares worktree, index and revisions as asked', async () => {
    const repo = await repository('sides');
    await repo.write('a', '1\n');
    await repo.write('b', '1\n');
    const first = await repo.commit('one');
    await repo.write('a', '2\n');
    await repo.commit('two');
    await repo.write('a', '3\n');
    await repo.git('add', 'a');
    await repo.write('b', '4\n');

    const added = async (request: object) =>
      (await diff({ path: 'sides', ...request })).files.map(
        ({ path, hunks }) => `${path}:${hunks[0]!.lines.find(({ type }) => type === 'add')!.text}`,
      );
    expect(await added({})).toEqual(['b:4']);
    expect(await added({ staged: true })).toEqual(['a:3']);
    expect(await added({ fromRef: first, toRef: 'HEAD' })).toEqual(['a:2']);
    expect(await added({ toRef: first })).toEqual(['a:1']);
    expect(await added({ fromRef: 'main~1' })).toEqual(['a:3', 'b:4']);
    expect(await added({ fromRef: first, pathspec: ['b'] })).toEqual(['b:4']);
    expect(await added({ fromRef: first, pathspec: ['*'] })).toEqual([]);
  });

  it('shows a conflict as one file, against our side', async () => {
    const repo = await repository('conflict');
    await repo.write('a', 'base\n');
    await repo.commit('base');
    await repo.git('checkout', '--quiet', '-b', 'other');
    await repo.write('a', 'theirs\n');
    await repo.commit('theirs');
    await repo.git('checkout', '--quiet', 'main');
    await repo.write('a', 'ours\n');
    await repo.commit('ours');
    await repo.tryGit('merge', 'other');

    expect((await status('conflict')).files).toMatchObject([{ path: 'a', isConflicted: true, index: 'U' }]);
    const { files } = await diff({ path: 'conflict' });
    expect(files).toMatchObject([{ path: 'a', status: 'U', additions: 4 }]);
    expect(files[0]!.hunks[0]!.lines.find(({ type }) => type === 'context')!.text).toBe('ours');
    expect((await diff({ path: 'conflict', staged: true })).files).toMatchObject([
      { path: 'a', status: 'U' },
    ]);
  });

  it('bounds each file and keeps the rest', async () => {
    const repo = await repository('large');
    await repo.write('a-large', 'x\n');
    await repo.write('b-small', 'x\n');
    await repo.commit('one');
    await repo.write('a-large', 'a line\n'.repeat(10_000));
    await repo.write('b-small', 'y\n');
    const { files } = await diff({ path: 'large', maxBytesPerFile: 1000 });
    expect(files).toMatchObject([
      { path: 'a-large', truncated: true, additions: 10_000 },
      { path: 'b-small', truncated: false, additions: 1 },
    ]);
    expect(files[0]!.hunks[0]!.lines.length).toBeLessThan(200);
  });

  it('takes 10 000 changed files in one command', async () => {
    const repo = await repository('many');
    const names = Array.from({ length: 10_000 }, (_, i) => `d${i % 100}/f${i}`);
    const tree = names.map((name) => `M 100644 inline ${name}\ndata 4\nold\n`).join('');
    const commit = `commit refs/heads/main\ncommitter Bob <b@example.com> 1700000000 +0000\ndata 3\none\n${tree}\n`;
    await repo.gitWithInput(commit, 'fast-import', '--quiet');
    // Files of the index that are not there: as many changes, without as many files to write.
    await repo.git('read-tree', 'HEAD');
    executions = 0;
    expect((await status('many')).files).toHaveLength(10_000);
    const { files } = await diff({ path: 'many' });
    expect(executions).toBe(2);
    expect(files).toHaveLength(10_000);
    expect(files.every(({ hunks }) => hunks[0]?.lines[0]?.text === 'old')).toBe(true);
  });
});

describe('log and show', () => {
  it('tells commits with everything that is known of them, in pages', async () => {
    const repo = await repository('log');
    await repo.write('a', '1\n');
    const first = await repo.commit('first');
    await repo.git('tag', 'v1,0');
    await repo.write('a', '2\n');
    const second = await repo.commit('second subject\n\nBody line one.\n\nBody line two.\n');

    const { commits, hasMore } = await log({ path: 'log', maxCount: 1 });
    expect(hasMore).toBe(true);
    expect(commits).toEqual([
      {
        sha: second,
        shortSha: second.slice(0, commits[0]!.shortSha.length),
        parents: [first],
        author: { name: 'Ada', email: 'ada@example.com', timestamp: '2024-05-06T05:08:09.000Z' },
        committer: { name: 'Bob', email: 'bob@example.com', timestamp: '2024-05-06T05:08:10.000Z' },
        subject: 'second subject',
        body: 'Body line one.\n\nBody line two.',
        refs: ['HEAD', 'main'],
      },
    ]);
    const rest = await log({ path: 'log', skip: 1 });
    expect(rest).toMatchObject({
      hasMore: false,
      commits: [{ sha: first, parents: [], refs: ['tag: v1,0'] }],
    });
    expect((await log({ path: 'log', pathspec: ['b'] })).commits).toEqual([]);

    const shown = await show({ path: 'log', ref: 'HEAD' });
    expect(shown).toMatchObject({ commit: { sha: second }, files: [{ path: 'a', status: 'M' }], blob: null });
    const root = await show({ path: 'log', ref: 'v1,0' });
    expect(root).toMatchObject({ commit: { sha: first }, files: [{ path: 'a', status: 'A', additions: 1 }] });
  });

  it('shows a file as of a revision, bounded and as bytes where it is no text', async () => {
    const repo = await repository('show');
    await repo.write('dir/text', 'grün\n');
    await repo.write('binary', Uint8Array.of(0, 255));
    await repo.commit('one');
    await rm(join(repo.root, 'dir'), { recursive: true });
    expect(await show({ path: 'show', filePath: 'dir/text' })).toEqual({
      commit: null,
      files: [],
      blob: { content: 'grün\n', encoding: 'utf8', sizeBytes: 6, truncated: false },
      revision: 0,
    });
    expect((await show({ path: 'show', filePath: 'dir/text', maxBytesPerFile: 3 })).blob).toEqual({
      content: 'gr',
      encoding: 'utf8',
      sizeBytes: 6,
      truncated: true,
    });
    expect((await show({ path: 'show', filePath: 'binary' })).blob).toMatchObject({
      content: 'AP8=',
      encoding: 'base64',
    });
    await expect(show({ path: 'show', filePath: 'missing' })).rejects.toMatchObject({ code: 'not-found' });
    await expect(show({ path: 'show', filePath: 'dir' })).rejects.toMatchObject({ code: 'not-found' });
    await expect(show({ path: 'show', filePath: '../x' })).rejects.toMatchObject({ code: 'invalid' });
  });

  it('refuses what is no revision and says what is not there', async () => {
    const repo = await repository('refs');
    await repo.write('a', '1');
    const sha = await repo.commit('one');
    for (const ref of [`--output=${repo.root}/written`, '-x', 'a..b', 'main ', 'a\nb', 'HEAD:a', '']) {
      const request = { path: 'refs', ref, maxCount: 1, skip: 0, pathspec: [] };
      await expect(git.log(request)).rejects.toMatchObject({ code: 'invalid', started: 'no' });
    }
    for (const ref of ['missing', '^HEAD', 'HEAD^!', 'HEAD~9', 'f'.repeat(40)]) {
      await expect(log({ path: 'refs', ref })).rejects.toMatchObject({ code: 'not-found' });
      await expect(show({ path: 'refs', ref })).rejects.toMatchObject({ code: 'not-found' });
      await expect(diff({ path: 'refs', fromRef: ref })).rejects.toMatchObject({ code: 'not-found' });
    }
    expect((await log({ path: 'refs', ref: sha.slice(0, 10) })).commits).toHaveLength(1);
    expect((await status('refs')).files).toEqual([]);
  });

  it('reads a linked worktree of a repository inside the workspace', async () => {
    const repo = await repository('main-tree');
    await repo.write('a', '1\n');
    await repo.commit('one');
    await repo.git('worktree', 'add', '--quiet', '../linked', '-b', 'side');
    await writeFile(join(test.box.workspaceRoot, 'linked/a'), '2\n');
    expect(await status('linked')).toMatchObject({ head: 'side', files: [{ path: 'a', worktree: 'M' }] });
    await rename(repo.root, `${repo.root}-moved`);
    await expect(diff({ path: 'linked' })).rejects.toMatchObject({ code: 'invalid' });
  });
});
