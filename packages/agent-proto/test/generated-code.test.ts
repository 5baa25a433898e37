// The generated code is committed, so that nothing has to be generated before a test can run. It must be what the
// .proto files say, they must be well formed, and they may not take back what a release has promised.
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const bin = join(root, 'node_modules', '.bin');
const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, BUF_BETA_SUPPRESS_WARNINGS: '1' };
const RELEASED = join(root, 'test', 'released.binpb');

const buf = (args: readonly string[], cwd = root) => run(join(bin, 'buf'), args, { cwd, env });

async function inCopy(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'agent-proto-'));
  try {
    for (const name of ['proto', 'buf.yaml', 'buf.gen.yaml']) {
      await cp(join(root, name), join(folder, name), { recursive: true });
    }
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test('the committed code is what the .proto files generate', async () => {
  await inCopy(async (folder) => {
    await buf(['generate'], folder);
    const at = (base: string) => join(base, 'src/generated/opengeni/agent/v1');
    const names = (await readdir(at(folder))).sort();
    expect((await readdir(at(root))).sort()).toEqual(names);
    for (const name of names) {
      expect(await readFile(join(at(root), name), 'utf8')).toBe(
        await readFile(join(at(folder), name), 'utf8'),
      );
    }
  });
});

test('the .proto files have no lint', async () => {
  await buf(['lint']);
});

test('nothing that was released is taken back, and taking something back is seen', async () => {
  await buf(['breaking', '--against', RELEASED]);
  await inCopy(async (folder) => {
    const file = join(folder, 'proto/opengeni/agent/v1/exec.proto');
    const source = await readFile(file, 'utf8');
    await writeFile(file, source.replace('bool shell = 2;', 'bool shell = 7;'));
    await expect(buf(['breaking', '--against', RELEASED], folder)).rejects.toMatchObject({
      stdout: expect.stringContaining('exec.proto'),
    });
  });
});
