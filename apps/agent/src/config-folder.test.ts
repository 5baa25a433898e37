import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readSettings } from './agent-settings.ts';
import { configFolder, createPrivately, makePrivateFolder, writePrivately } from './config-folder.ts';
import { lockFolder } from './instance-lock.ts';
import { ensureMachineKey, readMachineKey, signText } from './machine-key.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-config-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test.each([
  [{ BOXYARD_CONFIG_DIR: '/a', XDG_CONFIG_HOME: '/x', HOME: '/h' }, '/a'],
  [{ BOXYARD_CONFIG_DIR: '', XDG_CONFIG_HOME: '/x', HOME: '/h' }, '/x/boxyard/agent'],
  [{ HOME: '/h' }, '/h/.config/boxyard/agent'],
])('%j means %s', (env, expected) => expect(configFolder(env)).toBe(expected));

test('a folder that others could look into is closed', async () => {
  const open = join(folder, 'open');
  await mkdir(open, { mode: 0o755 });
  await makePrivateFolder(open);
  expect((await stat(open)).mode & 0o777).toBe(0o700);
});

test('files appear whole, are private, and the first of two wins', async () => {
  const file = join(folder, 'file');
  const outcomes = await Promise.all(['a', 'b', 'c'].map((text) => createPrivately(file, text)));
  expect(outcomes.filter(Boolean)).toHaveLength(1);
  await writePrivately(file, 'later');
  expect(await readFile(file, 'utf8')).toBe('later');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual(['file']);
});

test('the key is drawn once, also by two at a time, and signs as itself', async () => {
  const file = join(folder, 'machine.key');
  expect(await readMachineKey(file)).toBeNull();
  const [one, two] = await Promise.all([ensureMachineKey(file), ensureMachineKey(file)]);
  expect(one.getPublicKey()).toBe(two.getPublicKey());
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const signature = signText(one, 'a challenge');
  expect(signature).toMatch(/^[\w-]{86}$/);
  expect(two.verify(Buffer.from('a challenge'), Buffer.from(signature, 'base64url'))).toBe(true);
  await writeFile(file, 'SUnonsense');
  await expect(readMachineKey(file)).rejects.toThrow(/damaged/);
});

test('flags win over the file, and what is wrong in the file is said', async () => {
  const file = join(folder, 'settings.json');
  expect(await readSettings(file, { readOnly: true })).toEqual({ readOnly: true });
  await writeFile(file, JSON.stringify({ roots: ['/srv'], workspaceRoot: '/srv/work' }));
  expect(await readSettings(file, { workspaceRoot: '/other' })).toEqual({
    roots: ['/srv'],
    workspaceRoot: '/other',
  });
  await writeFile(file, JSON.stringify({ roots: ['srv'] }));
  await expect(readSettings(file, {})).rejects.toThrow(/roots\.0 must be an absolute path/);
  await writeFile(file, JSON.stringify({ colour: 'red' }));
  await expect(readSettings(file, {})).rejects.toThrow(/colour/);
  await writeFile(file, '{');
  await expect(readSettings(file, {})).rejects.toThrow(/no JSON/);
});

test('a second agent is refused at once, and let in when the first has gone', async () => {
  const unlock = await lockFolder(folder, () => {});
  const state = { pid: process.pid, startedAt: '', connectedTo: null, since: '' };
  await writeFile(join(folder, 'state.json'), JSON.stringify(state));
  await expect(lockFolder(folder, () => {})).rejects.toThrow(/runs already/);
  await unlock();
  await (await lockFolder(folder, () => {}))();
});
