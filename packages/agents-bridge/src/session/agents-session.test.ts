// What a session does beyond the SDK's contract: swaps to another root, cancelling, boxes that fail, drift.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localProvider } from '@boxyard/providers-local';
import { MemoryBox, MemoryMachine } from '@boxyard/sandbox-conformance';
import type { Box, Provider } from '@boxyard/sandbox-core';
import { needs } from '@tooling/system-parts';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { agentsRunConfig } from '../agents-run-config.ts';
import { parseBanner } from '../banner.ts';
import { toAgentsSession } from './agents-session.ts';
import { createdText } from './workspace-editor.ts';

let dataDir: string;
let provider: Provider;
let boxes: Box[];
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'boxyard-session-'));
  provider = localProvider({ dataDir });
  boxes = [];
});
afterEach(async () => {
  for (const box of boxes) {
    await box.close();
    await provider.destroy(box.ref);
  }
  await rm(dataDir, { recursive: true, force: true });
});

async function openBox(environment: Record<string, string> = {}): Promise<Box> {
  const tag = { deployment: 'test', group: `box-${boxes.length}`, epoch: 1 };
  const box = await provider.create({ tag, environment });
  boxes.push(box);
  return box;
}

test('in a box with another root the model learns the new path once, and whenever it names the old one', async () => {
  const box = await openBox();
  const session = toAgentsSession(async () => box, { root: '/home/elsewhere', mayLinkRoot: () => false });
  const said = (cmd: string) => session.execCommand({ cmd, yieldTimeMs: 30_000 });
  expect(await said('echo one')).toContain(`[box] In this box the workspace is ${box.workspaceRoot}`);
  expect(await said('echo two')).not.toContain('[box]');
  const named = await said('ls /home/elsewhere/src');
  expect(named).toContain(`[box] In this box the workspace is ${box.workspaceRoot}`);
  expect(await said('printf %s "$BOXYARD_WORKSPACE"')).toContain(`Output:\n${box.workspaceRoot}`);
  for (const path of ['/home/elsewhere/a', `${box.workspaceRoot}/a`]) {
    await session.createEditor().createFile({ type: 'create_file', path, diff: '+x\n' });
    await session.createEditor().deleteFile({ type: 'delete_file', path: 'a' });
  }
  expect(session.state.manifest.root).toBe('/home/elsewhere');
});

test('a box that may have a link at the shown root gets one, and then needs no telling', async () => {
  const box = await openBox();
  const root = join(dataDir, 'shown', 'workspace');
  const session = toAgentsSession(async () => box, { root, mayLinkRoot: () => true });
  const said = await session.execCommand({ cmd: `echo x > ${root}/made; cat made`, yieldTimeMs: 30_000 });
  expect(parseBanner(said)).toMatchObject({ exitCode: 0, output: 'x\n' });
});

test('a name that is there already is never made a link', async () => {
  const box = await openBox();
  const root = join(dataDir, 'taken');
  await writeFile(root, 'of somebody else');
  const session = toAgentsSession(async () => box, { root, mayLinkRoot: () => true });
  expect(await session.execCommand({ cmd: `cat ${root}`, yieldTimeMs: 30_000 })).toMatch(
    /of somebody else\n\[box\] In this box the workspace is/,
  );
});

test('a cancelled turn ends the command that is waited for and keeps what it printed', async () => {
  const box = await openBox();
  const cancel = new AbortController();
  const session = toAgentsSession(box, { signal: cancel.signal });
  const waiting = session.execCommand({ cmd: 'echo begun; touch running; sleep 600', yieldTimeMs: 300_000 });
  await vi.waitUntil(() => box.files.stat('running'), { timeout: 30_000, interval: 20 });
  cancel.abort();
  const report = parseBanner(await waiting);
  expect(report?.sessionId).toBeNull();
  expect(report?.output).toMatch(/^begun\n/);
  expect(report?.output).toContain('The turn was cancelled and the command was ended.');
});

test('a named command goes on when its session lets go, and another one finds it from its first word on', async () => {
  const box = await openBox();
  const detach = new AbortController();
  const first = toAgentsSession(box, { commandId: () => 'call-1', detach: detach.signal });
  const cmd = 'echo begun; touch running; while [ ! -e go ]; do sleep 0.05; done; echo line >> lines; exit 3';
  const waiting = first.execCommand({ cmd, yieldTimeMs: 300_000 });
  await vi.waitUntil(() => box.files.stat('running'), { timeout: 30_000, interval: 20 });
  detach.abort();
  expect(parseBanner(await waiting)).toMatchObject({ exitCode: null });
  await first.close();
  await box.files.write('go', new Uint8Array());

  const second = toAgentsSession(box);
  const resumed = await second.resumeCommand('call-1', { yieldTimeMs: 30_000 });
  expect(parseBanner(resumed)).toMatchObject({ exitCode: 3, output: 'begun\n' });
  const lines = () => box.files.read('lines').then((bytes) => new TextDecoder().decode(bytes));
  expect(await lines()).toBe('line\n');
  // Still there: nobody has said that its result is safe.
  expect(await toAgentsSession(box).resumeCommand('call-1')).toContain('Process exited with code 3');
  await second.forgetEnded();
  await expect(second.resumeCommand('call-1')).rejects.toMatchObject({ code: 'not-found' });
  expect(await lines()).toBe('line\n');
});

test('a box that is gone is told in the text of the tool, with that it is gone', async () => {
  const machine = new MemoryMachine();
  const session = toAgentsSession(new MemoryBox(machine));
  machine.destroy();
  const report = parseBanner(await session.execCommand({ cmd: 'echo x' }));
  expect(report?.exitCode).toBe(1);
  expect(report?.output).toMatch(
    /^exec_command failed: .*does not exist any more[\s\S]*\[box\] Reason: gone/,
  );
  await expect(session.readFile({ path: 'x' })).rejects.toMatchObject({
    code: 'exec_transport_error',
    details: { boxCode: 'gone' },
  });
});

test('a box that cannot be opened is told, and tried again by the next tool', async () => {
  let attempts = 0;
  const box = new MemoryBox();
  const source = async () => {
    attempts++;
    if (attempts === 1) throw new Error('no capacity');
    return box;
  };
  const session = toAgentsSession(source, { root: box.workspaceRoot });
  const said = await session.execCommand({ cmd: 'echo x' });
  expect(said).toContain('exec_command failed: Opening the box failed; try again later.');
  expect(said).not.toContain('no capacity');
  expect(await session.pathExists('x')).toBe(false);
});

test('what a manifest cannot change any more is told by name, and never by value', () => {
  const told: unknown[] = [];
  const session = toAgentsSession(new MemoryBox(), {
    environment: { SAME: 'a', OTHER: 'b' },
    onDrift: (drift) => told.push(drift),
  });
  const manifest = { environment: { SAME: 'a', OTHER: 'hidden', NEW: { value: 'hidden too' } } };
  const config = agentsRunConfig(session, { manifest });
  expect(told).toEqual([{ environment: ['OTHER', 'NEW'], entries: [] }]);
  expect(JSON.stringify(told)).not.toContain('hidden');
  expect(config.manifest?.root).toBe('/workspace');
  agentsRunConfig(session, { manifest: { environment: { SAME: 'a' } } });
  expect(told).toHaveLength(1);
});

test('a session of a box that is not open yet needs a root', () => {
  expect(() => toAgentsSession(async () => new MemoryBox())).toThrow(/Give options\.root/);
  expect(() => toAgentsSession(new MemoryBox(), { root: 'relative' })).toThrow(/absolute path/);
});

test('a folder of this machine is copied with its modes when it is allowed', async () => {
  const box = await openBox();
  const source = await mkdtemp(join(dataDir, 'source-'));
  await writeFile(join(source, 'tool.sh'), '#!/bin/sh\necho tool\n', { mode: 0o755 });
  const session = toAgentsSession(box, { localSources: [dataDir] });
  await session.materializeEntry({ path: 'tools', entry: { type: 'local_dir', src: source } });
  expect(await session.execCommand({ cmd: './tools/tool.sh' })).toContain('Output:\ntool\n');
});

describe('a repository of a manifest', needs('git'), () => {
  test('is cloned in the box, at its ref, with or without a part of it', async () => {
    const origin = join(dataDir, 'hub', 'acme', 'tools.git');
    const made = await openBox();
    const script = `export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
      mkdir -p '${origin}' && cd '${origin}' && git init -q -b main . && mkdir docs && echo hello > docs/a.md
      git add . && git commit -qm first && git tag v1 && git config uploadpack.allowAnySHA1InWant true`;
    expect((await made.exec({ program: { script } })).exitCode).toBe(0);
    const box = await openBox({
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: `url.file://${join(dataDir, 'hub')}/.insteadOf`,
      GIT_CONFIG_VALUE_0: 'https://github.com/',
    });
    const session = toAgentsSession(box);
    const entry = { type: 'git_repo', repo: 'acme/tools' } as const;
    await session.materializeEntry({ path: 'whole', entry: { ...entry, ref: 'v1' } });
    await session.materializeEntry({ path: 'part', entry: { ...entry, subpath: 'docs' } });
    const read = async (path: string) => new TextDecoder().decode(await session.readFile({ path }));
    expect([await read('whole/docs/a.md'), await read('part/a.md')]).toEqual(['hello\n', 'hello\n']);
    expect((await session.listDir({ path: '' })).map(({ name }) => name).sort()).toEqual(['part', 'whole']);
    const missing = session.materializeEntry({ path: 'none', entry: { ...entry, ref: 'v9' } });
    await expect(missing).rejects.toMatchObject({ code: 'git_clone_error' });
    expect(await session.pathExists('none')).toBe(false);
  });
});

test.each([
  ['+x\n+y\n', 'x\ny\n'],
  ['+x\n+y', 'x\ny'],
  ['+x\n+\n', 'x\n'],
  ['', ''],
])('the created text of %j is %j', (diff, text) => {
  expect(createdText(diff)).toBe(text);
});
