import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openFolderBox } from './folder-box.ts';

let folder: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'folder-box-')));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString().trim();

test("somebody's own folder is the workspace, and its programs are started by the launcher", async () => {
  await writeFile(join(folder, 'mine.txt'), 'mine');
  const box = await openFolderBox({
    workspace: folder,
    stateDir: join(folder, 'state'),
    environment: { HOME: '/the/real/home' },
    launcher: ['/bin/sh', '-c', 'LAUNCHED=yes; export LAUNCHED; exec "$@"', 'launcher'],
  });
  expect(box.workspaceRoot).toBe(folder);
  const script = 'echo $HOME $LAUNCHED; pwd; cat mine.txt';
  const result = await box.exec({ program: { script } });
  expect(text(result.stdout)).toBe(`/the/real/home yes\n${folder}\nmine`);
  if (!box.capabilities.terminal.available) throw new Error('There is no terminal.');
  const terminal = await box.capabilities.terminal.use.open({ cols: 80, rows: 24, shell: '/bin/sh' });
  await terminal.write(Buffer.from('echo "terminal $LAUNCHED"; exit\n'));
  let printed = '';
  for await (const bytes of terminal.output()) printed += Buffer.from(bytes).toString();
  expect(printed).toContain('terminal yes');
  await box.close();
  expect(await readFile(join(folder, 'mine.txt'), 'utf8')).toBe('mine');
});

test('a folder that is not there is no box', async () => {
  const options = { workspace: join(folder, 'none'), stateDir: join(folder, 'state'), environment: {} };
  await expect(openFolderBox(options)).rejects.toMatchObject({ code: 'not-found' });
});
