// A spool on a disk that is really full. That needs a disk of its own, which only root can mount.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { appendFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@tooling/eventually';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { markedProcesses } from '../../test/marked-processes.ts';
import { openChildChannel } from './child-channel.ts';
import { FolderSpool } from './folder-spool.ts';
import { ShellRunner } from './shell-runner.ts';

const SIZE_KIB = 256;
const text = (data: Uint8Array) => Buffer.from(data).toString();
const mount = (folder: string) =>
  spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_KIB}k`, 'boxyard-test', folder]);

/** Why no disk can be mounted here, or null. */
async function noMount(): Promise<string | null> {
  const folder = await mkdtemp(join(tmpdir(), 'boxyard-disk-'));
  try {
    const mounted = mount(folder);
    if (mounted.status !== 0) return `no disk can be mounted: ${mounted.stderr ?? mounted.error?.message}`;
    execFileSync('umount', [folder]);
    return null;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const reason = await noMount();
const kinds = [
  { name: 'read from disk, with lanes', onDisk: true, lanes: true },
  { name: 'read from disk', onDisk: true, lanes: false },
  { name: 'read through the shell', onDisk: false, lanes: false },
];

describe.skipIf(reason !== null).each(kinds)(`a full spool ${reason ?? ''} $name`, ({ onDisk, lanes }) => {
  let folder: string;
  let mark: string;
  let runners: ShellRunner[];

  const spoolDir = () => join(folder, 'spool');
  const open = () => {
    const env = { PATH: process.env.PATH ?? '/usr/bin:/bin', BOXYARD_BOX: mark };
    const runner = new ShellRunner({
      openChannel: (argv) => openChildChannel(argv, { env }),
      spoolDir: spoolDir(),
      workspaceRoot: join(folder, 'workspace'),
      mark,
      epoch: 1,
      ...(onDisk ? { spool: new FolderSpool(spoolDir(), 1), lanes } : {}),
    });
    runners.push(runner);
    return runner;
  };
  const fill = async () => {
    // A page at a time, until not even one fits.
    for (let page = 0; page <= SIZE_KIB / 4; page++) {
      try {
        await appendFile(join(spoolDir(), 'fill'), Buffer.alloc(4096));
      } catch (error) {
        expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
        return;
      }
    }
    throw new Error('the disk has no end');
  };
  const empty = () => rm(join(spoolDir(), 'fill'));
  const left = async () =>
    (await readdir(spoolDir())).filter((name) => !/^(epoch|fill|slot@.*|guard\..*)$/.test(name));

  /** With lanes until one is ready, and until nothing that is removed later makes room again. */
  const warm = async (runner: ShellRunner) => {
    for (let turn = 0; turn < 10; turn++) await runner.exec({ program: { script: 'true' } });
    await eventually('they are forgotten', async () => (await left()).length === 0);
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'boxyard-full-'));
    mark = `full${folder.slice(-6)}`;
    runners = [];
    for (const name of ['workspace', 'spool']) mkdirSync(join(folder, name), { mode: 0o700 });
    expect(mount(spoolDir()).status).toBe(0);
  });

  afterEach(async () => {
    for (const runner of runners) await runner.close();
    try {
      await eventually(
        'no process of the box is left',
        async () => (await markedProcesses(mark)).length === 0,
      );
    } finally {
      for (const { pid } of await markedProcesses(mark)) process.kill(pid, 'SIGKILL');
      execFileSync('umount', ['-l', spoolDir()]);
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('refuses a new command before anything of it has run, and leaves nothing of it', async () => {
    const runner = open();
    await warm(runner);
    await fill();
    const refused = { code: 'quota', started: 'no' };
    const program = { script: 'echo x >>../workspace/ran' };
    for (let turn = 0; turn < 3; turn++) {
      await expect(runner.exec({ program, id: 'job' })).rejects.toMatchObject(refused);
      await expect(runner.spawn({ program, runLimitMs: 60_000, id: 'job' })).rejects.toMatchObject(refused);
      await expect(runner.spawn({ program, stdin: 'open', id: 'job' })).rejects.toMatchObject(refused);
      await expect(runner.exec({ program, stdin: new Uint8Array(10), id: 'job' })).rejects.toMatchObject(
        refused,
      );
    }
    expect(await readdir(join(folder, 'workspace'))).toEqual([]);
    await eventually('nothing of it is left', async () => (await left()).length === 0);
    await empty();
    expect(text((await runner.exec({ program: { script: 'echo on' }, id: 'job' })).stdout)).toBe('on\n');
  });

  it('tells how a command ended that was running when the disk became full, also to others', async () => {
    const runner = open();
    await warm(runner);
    const script = 'until [ -e go ]; do sleep 0.05; done; exit 7';
    const started = await runner.spawn({ program: { script }, id: 'job' });
    await fill();
    await writeFile(join(folder, 'workspace', 'go'), '');
    expect((await started.exited()).exitCode).toBe(7);
    const again = await open().attaching.attach('job');
    expect(await again.exited()).toMatchObject({ exitCode: 7, endedBy: 'itself' });
    await again.forget();
    await eventually('nothing of it is left', async () => (await left()).length === 0);
  });

  it('says that output was lost, instead of giving less of it', async () => {
    const runner = open();
    await warm(runner);
    const script = 'until [ -e go ]; do sleep 0.05; done; echo lost';
    const started = await runner.spawn({ program: { script }, id: 'job' });
    await fill();
    await writeFile(join(folder, 'workspace', 'go'), '');
    await started.exited();
    const read = async () => {
      for await (const event of started.output()) expect(event.kind).toBe('chunk');
    };
    await expect(read()).rejects.toMatchObject({ code: 'quota', started: 'yes' });
    await started.forget();
  });
});
