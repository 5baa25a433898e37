// No path leads out of the workspace, whoever made the links.
import assert from 'node:assert/strict';
import { type BoxCase, type BoxCaseContext, casesOf } from '../case/box-case.ts';
import { bytesOf, prepare, readText, refused, textOf, writeFile } from '../case/case-steps.ts';

type Call = readonly [string, (path: string) => Promise<unknown>];

/** Every way to name something. */
function everyUse({ box }: BoxCaseContext): readonly Call[] {
  const { files } = box;
  return [
    ['read', (path) => files.read(path)],
    ['open', (path) => files.open(path)],
    ['write', (path) => files.write(path, bytesOf('escaped'))],
    ['write with parents', (path) => files.write(path, bytesOf('escaped'), { createParents: true })],
    ['version', (path) => files.version(path)],
    ['stat', (path) => files.stat(path)],
    ['list', (path) => files.list(path)],
    ['mkdir', (path) => files.mkdir(path)],
    ['mkdir recursive', (path) => files.mkdir(path, { recursive: true })],
    ['remove', (path) => files.remove(path, { recursive: true })],
    ['move from', (path) => files.move(path, 'never')],
    ['exec cwd', (path) => box.exec({ program: { script: 'true' }, cwd: path })],
    ['spawn cwd', (path) => box.spawn({ program: { script: 'true' }, cwd: path })],
  ];
}

async function refusedEverywhere(context: BoxCaseContext, paths: readonly string[]): Promise<void> {
  const source = await writeFile(context, context.unique('source'), 'source');
  const uses: readonly Call[] = [
    ...everyUse(context),
    ['move to', (path) => context.box.files.move(source, path, { overwrite: true })],
  ];
  for (const path of paths) {
    for (const [use, call] of uses) {
      await refused(['invalid', 'denied'], call(path), `${use} of ${JSON.stringify(path)}`);
    }
  }
  assert.equal(await readText(context, source), 'source');
}

/** A folder beside the workspace with a file in it, made by a command, gone with the case. */
async function outside(context: BoxCaseContext): Promise<string> {
  const folder = `/tmp/${context.unique('outside')}`;
  await prepare(context, `mkdir ${folder}; echo secret > ${folder}/secret`);
  context.defer(() => context.box.exec({ program: { script: `rm -r ${folder}` } }));
  return folder;
}

export const CONFINEMENT_CASES: readonly BoxCase[] = casesOf('confinement', [
  {
    id: 'dots',
    title: 'paths with .. are refused for every use, also where they would stay inside',
    sdk: [39],
    run: (context) =>
      refusedEverywhere(context, ['..', '../x', 'a/../../x', 'a/..', './../x', 'a/b/../../../etc/passwd']),
  },
  {
    id: 'absolute',
    title: 'absolute paths are refused for every use, also those of the workspace',
    sdk: [39],
    run: (context) =>
      refusedEverywhere(context, [
        '/etc/passwd',
        '/',
        '//etc/passwd',
        `${context.box.workspaceRoot}/x`,
        `${context.box.workspaceRoot}/../etc/passwd`,
      ]),
  },
  {
    id: 'nul',
    title: 'paths with NUL are refused for every use',
    sdk: [39],
    run: (context) => refusedEverywhere(context, ['a\0b', '\0', 'a\0/../../etc/passwd']),
  },
  {
    id: 'backslash',
    title: 'a backslash is part of a name and never separates',
    sdk: [40],
    async run(context) {
      const name = `..\\${context.unique('back')}`;
      await writeFile(context, name, 'x');
      const entries = await context.box.files.list('');
      assert.ok(
        entries.some((entry) => entry.name === name),
        'the name was taken apart',
      );
      await context.box.files.remove(name);
    },
  },
  {
    id: 'link-out-file',
    title: 'a link to a file outside is followed by nothing, neither for reading nor for writing',
    sdk: [41, 45],
    async run(context) {
      const { files } = context.box;
      const folder = await outside(context);
      const link = context.unique('link');
      await prepare(context, `ln -s ${folder}/secret ${link}`);
      await refused('denied', files.read(link), 'read');
      await refused('denied', files.open(link), 'open');
      await refused('denied', files.version(link), 'version');
      await refused(['denied', 'invalid'], files.list(link), 'list');
      await refused('denied', files.write(link, bytesOf('overwritten')), 'write');
      assert.equal(await prepare(context, `cat ${folder}/secret`), 'secret\n');
      assert.equal((await files.stat(link))?.kind, 'symlink');
    },
  },
  {
    id: 'link-out-folder',
    title: 'nothing below a link to a folder outside can be read, made, moved, removed or run in',
    sdk: [41, 45],
    async run(context) {
      const { files } = context.box;
      const folder = await outside(context);
      const link = context.unique('link');
      const source = await writeFile(context, context.unique('source'), 'source');
      await prepare(context, `ln -s ${folder} ${link}`);
      for (const [use, call] of everyUse(context)) {
        // A cwd is judged by the box's own shell, which may say first that it is no folder.
        const codes = use.endsWith('cwd')
          ? (['denied', 'invalid', 'not-found'] as const)
          : (['denied'] as const);
        await refused(codes, call(`${link}/secret`), `${use} below the link`);
        await refused(codes, call(`${link}/missing`), `${use} of nothing below`);
      }
      await refused('denied', files.move(source, `${link}/moved`), 'move below the link');
      await refused(
        'denied',
        files.write(`${link}/a/b`, bytesOf('x'), { createParents: true }),
        'parents below the link',
      );
      const program = { script: 'pwd -P' };
      await refused(
        ['denied', 'invalid'],
        context.box.exec({ program, cwd: link }),
        'a cwd that is the link',
      );
      await refused(['denied', 'invalid'], files.list(link), 'a list of the link');
      assert.equal(
        await prepare(context, `cat ${folder}/secret; test -e ${folder}/moved || echo clean`),
        'secret\nclean\n',
      );
    },
  },
  {
    id: 'link-up',
    title: 'a relative link that climbs out is refused as an absolute one is',
    sdk: [41],
    async run(context) {
      const link = context.unique('up');
      await prepare(context, `ln -s ../../../../../../../../etc ${link}`);
      await refused('denied', context.box.files.read(`${link}/passwd`));
      await refused('denied', context.box.files.write(`${link}/made-by-a-test`, bytesOf('x')));
      await refused('denied', context.box.files.stat(`${link}/passwd`));
    },
  },
  {
    id: 'link-chain',
    title: 'a chain of links is judged by where it ends',
    sdk: [41],
    async run(context) {
      const folder = await outside(context);
      const base = context.unique('chain');
      await prepare(
        context,
        `ln -s ${folder} ${base}.1; ln -s ${base}.1 ${base}.2; ln -s ${base}.2/secret ${base}.3`,
      );
      await refused('denied', context.box.files.read(`${base}.3`));
      await refused('denied', context.box.files.read(`${base}.2/secret`));
    },
  },
  {
    id: 'link-inside',
    title: 'a link that stays inside is followed for reading and writing, and stays a link',
    sdk: [41],
    async run(context) {
      const { files } = context.box;
      const folder = context.unique('inside');
      await files.write(`${folder}/real/file`, bytesOf('one'), { createParents: true });
      await prepare(
        context,
        `ln -s real ${folder}/alias; ln -s alias/file ${folder}/deep; ln -s ../${folder}/real/file ${folder}/round`,
      );
      for (const path of ['alias/file', 'deep', 'round'])
        assert.equal(await readText(context, `${folder}/${path}`), 'one');
      await files.write(`${folder}/deep`, bytesOf('two'));
      assert.equal(await readText(context, `${folder}/real/file`), 'two');
      assert.equal((await files.stat(`${folder}/deep`))?.kind, 'symlink');
      const run = await context.box.exec({ program: { script: 'pwd -P' }, cwd: `${folder}/alias` });
      assert.equal(textOf(run.stdout), `${context.box.workspaceRoot}/${folder}/real\n`);
    },
  },
  {
    id: 'link-dangling',
    title: 'a link to nothing inside is not-found, and a write through it makes what it names',
    async run(context) {
      const folder = context.unique('dangling');
      await context.box.files.mkdir(folder);
      await prepare(context, `ln -s later ${folder}/link`);
      await refused('not-found', context.box.files.read(`${folder}/link`));
      await context.box.files.write(`${folder}/link`, bytesOf('x'));
      assert.equal(await readText(context, `${folder}/later`), 'x');
    },
  },
  {
    id: 'link-loop',
    title: 'links that go round end as an error, never as a hang',
    async run(context) {
      const base = context.unique('loop');
      await prepare(context, `ln -s ${base}.b ${base}.a; ln -s ${base}.a ${base}.b`);
      await refused(['invalid', 'denied'], context.box.files.read(`${base}.a`));
      await refused(['invalid', 'denied'], context.box.files.list(`${base}.a/x`));
    },
  },
  {
    id: 'remove-link-out',
    title: 'removing and moving a link that leads out touches the link only',
    async run(context) {
      const { files } = context.box;
      const folder = await outside(context);
      const base = context.unique('out');
      await files.mkdir(base);
      await prepare(context, `ln -s ${folder} ${base}/link; ln -s ${folder} ${base}/other`);
      await files.remove(`${base}/link`, { recursive: true });
      await files.move(`${base}/other`, `${base}/moved`);
      await files.remove(base, { recursive: true });
      assert.equal(await prepare(context, `cat ${folder}/secret`), 'secret\n');
    },
  },
  {
    id: 'proc',
    title: 'links of the kernel lead nowhere either',
    facts: ['kernel'],
    async run(context) {
      const base = context.unique('proc');
      await prepare(context, `ln -s /proc/self/root ${base}.root; ln -s /proc/self/cwd/../.. ${base}.cwd`);
      await refused('denied', context.box.files.read(`${base}.root/etc/passwd`));
      await refused('denied', context.box.files.stat(`${base}.cwd/etc`));
    },
  },
]);
