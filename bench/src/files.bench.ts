import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { FileService, GitService } from '@boxyard/channel-a';
import { FsListRequest, GitDiffRequest, GitStatusRequest } from '@boxyard/contracts';
import { inTurns, type Measurement, ms, times } from './measurement.ts';
import { openScratchBox, silentJournal } from './scratch-box.ts';

const run = promisify(execFile);
const BIG = { maxBuffer: 256 * 1024 * 1024 };

const FOLDERS = 100;
const FILES_PER_FOLDER = 1000;
const CHANGED_FILES = 10_000;

async function makeFiles(root: string, folders: number, perFolder: number, content: string): Promise<void> {
  for (let folder = 0; folder < folders; folder++) {
    const path = join(root, `folder-${folder}`);
    await mkdir(path, { recursive: true });
    await Promise.all(
      Array.from({ length: perFolder }, (_, file) => writeFile(join(path, `file-${file}.txt`), content)),
    );
  }
}

/** Every page of the tree: a single answer holds at most 20 000 entries, so folders are asked one by one. */
async function listEverything(files: FileService): Promise<number> {
  const { root } = await files.list(FsListRequest.parse({ depth: 1 }));
  let count = 0;
  for (const folder of root.children ?? []) {
    const { root: listed } = await files.list(FsListRequest.parse({ path: folder.path, depth: 1 }));
    count += listed.children?.length ?? 0;
  }
  return count;
}

export async function measureList(): Promise<Measurement[]> {
  await using scratch = await openScratchBox();
  const { box, root } = scratch;
  await makeFiles(root, FOLDERS, FILES_PER_FOLDER, 'x');
  const files = new FileService({ box, journal: silentJournal });
  const found = await inTurns(
    {
      ours: async () => {
        const count = await listEverything(files);
        if (count !== FOLDERS * FILES_PER_FOLDER) throw new Error(`${count} files were listed.`);
      },
      find: () => run('find', [root, '-printf', '%y %s %m %T@ %P\\0'], BIG),
    },
    1,
  );
  return [
    {
      what: 'list of 100 000 files',
      ours: ms(found.ours),
      beside: `${ms(found.find)} find -printf`,
      ratio: times(found.ours, found.find),
      goal: '–',
    },
  ];
}

export async function measureGit(): Promise<Measurement[]> {
  await using scratch = await openScratchBox();
  const { box, root } = scratch;
  const git = (...words: string[]) =>
    run('git', ['-c', 'user.name=bench', '-c', 'user.email=bench@localhost', ...words], {
      cwd: root,
      ...BIG,
    });
  await makeFiles(root, 100, CHANGED_FILES / 100, 'one\ntwo\nthree\n');
  await git('init', '-q');
  await git('add', '-A');
  await git('commit', '-q', '-m', 'first');
  await makeFiles(root, 100, CHANGED_FILES / 100, 'one\n2\nthree\n');
  const service = new GitService({ box, journal: silentJournal });
  const status = await inTurns(
    {
      ours: async () => {
        const { files } = await service.status(GitStatusRequest.parse({}));
        if (files.length !== CHANGED_FILES) throw new Error(`${files.length} files in the status.`);
      },
      git: () => git('status', '--porcelain=v2', '-z'),
    },
    1,
  );
  const diff = await inTurns(
    {
      ours: async () => {
        const { files } = await service.diff(GitDiffRequest.parse({}));
        if (files.length !== CHANGED_FILES) throw new Error(`${files.length} files in the diff.`);
      },
      git: () => git('diff'),
    },
    1,
  );
  const row = (what: string, took: { ours: number; git: number }): Measurement => ({
    what,
    ours: ms(took.ours),
    beside: `${ms(took.git)} git itself`,
    ratio: times(took.ours, took.git),
    goal: '–',
  });
  return [row('git status, 10 000 changed files', status), row('git diff of them, parsed', diff)];
}
