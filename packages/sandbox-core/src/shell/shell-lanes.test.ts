// Execs that a lane had prepared: they must look like any other, and what was prepared in vain must go.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openChildChannel } from './child-channel.ts';
import { FolderSpool } from './folder-spool.ts';
import { ShellRunner } from './shell-runner.ts';

const text = (data: Uint8Array) => Buffer.from(data).toString();

async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 30_000; performance.now() < end; await delay(10)) {
    if (await holds()) return;
  }
  throw new Error(`not within 30 s: ${what}`);
}

/** Lanes need pipes without a name, which bash does not have. */
function hasPipes(): boolean {
  const script = 'exec 7<<E\nE\n[ -p /proc/self/fd/7 ]';
  return spawnSync('/bin/sh', ['-c', script]).status === 0;
}

describe.runIf(hasPipes())('lanes of a runner', () => {
  let folder: string;
  let mark: string;
  let runners: ShellRunner[];

  const open = (environment: Readonly<Record<string, string>> = {}) => {
    const spoolDir = join(folder, 'spool');
    const env = { PATH: process.env.PATH ?? '/usr/bin:/bin', BOXYARD_BOX: mark, ...environment };
    const runner = new ShellRunner({
      openChannel: (argv) => openChildChannel(argv, { env }),
      spoolDir,
      workspaceRoot: join(folder, 'workspace'),
      mark,
      epoch: 1,
      spool: new FolderSpool(spoolDir, 1),
      lanes: true,
    });
    runners.push(runner);
    return runner;
  };
  const processes = async () => {
    const found: { pid: number; what: string }[] = [];
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'latin1').catch(() => '');
      const environment = await read('environ');
      if (!environment.split('\0').includes(`BOXYARD_BOX=${mark}`)) continue;
      found.push({ pid: Number(pid), what: (await read('cmdline')).replaceAll('\0', ' ') });
    }
    return found;
  };
  const starters = async () => (await processes()).filter(({ what }) => / slot@\d+\.\d+ 1? ?$/.test(what));
  const slots = async () => (await readdir(join(folder, 'spool'))).filter((name) => name.startsWith('slot@'));
  /** An exec that finds no lane opens one for those after it; one whose end nobody has noticed yet may be found. */
  const warm = (runner: ShellRunner) =>
    eventually('a lane is ready', async () => {
      await runner.exec({ program: { script: 'true' } });
      return (await starters()).length > 0;
    });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'boxyard-lanes-'));
    mark = `lane${folder.slice(-6)}`;
    runners = [];
    for (const name of ['workspace', 'spool']) execFileSync('mkdir', ['-m', '700', join(folder, name)]);
  });

  afterEach(async () => {
    for (const runner of runners) await runner.close();
    try {
      await eventually('no process of the box is left', async () => (await processes()).length === 0);
      expect(await readdir(join(folder, 'spool'))).toEqual(['epoch']);
    } finally {
      for (const { pid } of await processes()) process.kill(pid, 'SIGKILL');
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('gives commands the same world as without a lane', async () => {
    const runner = open({ LANG: 'C.UTF-8' });
    const script =
      'cat; echo err >&2; env | sort | grep -v BOXYARD_OP; pwd; ls -l /proc/$$/fd | sed "s/.*[0-9] \\([0-9]* ->\\).*/\\1/"; ' +
      'read -r a b c d e f rest </proc/$$/stat; [ "$f" = $$ ] && echo leads; trap; exit 7';
    const request = {
      program: { script },
      env: { A: "it's\n ü" },
      stdin: new Uint8Array(Buffer.from('in\n')),
    };
    const plain = await runner.exec({ ...request, runLimitMs: 60_000 });
    await warm(runner);
    for (let turn = 0; turn < 6; turn++) {
      const result = await runner.exec(request);
      expect(text(result.stdout)).toBe(text(plain.stdout));
      expect([text(result.stderr), result.exitCode, result.outputComplete]).toEqual(['err\n', 7, true]);
    }
    // Otherwise none of these would have been a lane's.
    await eventually('a lane is past its first command', async () =>
      (await slots()).some((name) => /^slot@\d+\.([2-9]|\d\d)\.o$/.test(name)),
    );
    const merged = await runner.exec({
      program: { script: 'echo a; echo b >&2; echo c' },
      output: 'merged',
    });
    expect([text(merged.stdout), text(merged.stderr)]).toEqual(['a\nb\nc\n', '']);
  });

  it.each([{ locale: undefined }, { locale: 'C.UTF-8' }])(
    'keeps LC_ALL as the box has it: $locale',
    async ({ locale }) => {
      const runner = open(locale === undefined ? {} : { LC_ALL: locale });
      await warm(runner);
      const script = 'printenv LC_ALL || echo unset';
      for (let turn = 0; turn < 3; turn++) {
        expect(text((await runner.exec({ program: { script } })).stdout)).toBe(`${locale ?? 'unset'}\n`);
      }
    },
  );

  it('refuses what cannot begin, leaves nothing of it, and takes the next command', async () => {
    const runner = open();
    await warm(runner);
    for (let turn = 0; turn < 3; turn++) {
      const nowhere = runner.exec({ program: { script: 'true' }, cwd: 'nowhere', id: 'refused' });
      await expect(nowhere).rejects.toMatchObject({ code: 'not-found', started: 'no' });
      expect((await readdir(join(folder, 'spool'))).filter((name) => name.startsWith('refused'))).toEqual([]);
      await eventually('a lane is ready again', async () => (await starters()).length > 0);
    }
    expect((await runner.exec({ program: { script: 'exit 5' }, id: 'refused' })).exitCode).toBe(5);
  });

  it('leaves the output of an id that is taken alone', async () => {
    const runner = open();
    await warm(runner);
    const first = await runner.spawn({
      program: { script: 'echo mine; read go; echo on' },
      stdin: 'open',
      id: 'job',
    });
    await eventually('it printed', async () =>
      (await readFile(join(folder, 'spool', 'job.o'), 'utf8').catch(() => '')).includes('mine'),
    );
    await expect(runner.exec({ program: { script: 'echo theirs' }, id: 'job' })).rejects.toMatchObject({
      code: 'conflict',
    });
    await first.write(new Uint8Array(Buffer.from('go\n')));
    expect((await first.exited()).exitCode).toBe(0);
    let seen = '';
    for await (const event of first.output()) if (event.kind === 'chunk') seen += text(event.bytes);
    expect(seen).toBe('mine\non\n');
    await first.forget();
  });

  it('never begins what was given up while the lane was frozen', async () => {
    const runner = open();
    await warm(runner);
    const stopped = await processes();
    for (const { pid } of stopped) process.kill(pid, 'SIGSTOP');
    try {
      const exec = runner.exec({ program: { script: 'echo x >ran' }, id: 'late' }, { deadlineMs: 100 });
      await expect(exec).rejects.toMatchObject({ code: 'timeout' });
    } finally {
      for (const { pid } of stopped) {
        try {
          process.kill(pid, 'SIGCONT');
        } catch {
          // The lane itself was ended meanwhile, as it should be.
        }
      }
    }
    expect(text((await runner.exec({ program: { script: 'ls' } })).stdout)).toBe('');
    await eventually('nothing of it is left', async () =>
      (await readdir(join(folder, 'spool'))).every((name) => name === 'epoch' || name.startsWith('slot@')),
    );
    expect(await readdir(join(folder, 'workspace'))).toEqual([]);
  });

  it('goes on without lanes that were killed, and the next one sweeps what they prepared', async () => {
    const runner = open();
    await warm(runner);
    const before = await slots();
    expect(before.length).toBeGreaterThan(0);
    const lanes = new Set(before.map((name) => Number(name.slice('slot@'.length).split('.')[0])));
    for (const pid of lanes) process.kill(pid, 'SIGKILL');
    await eventually('the starters end with their lanes', async () => (await starters()).length === 0);
    await warm(runner);
    for (const name of before) expect(await slots()).not.toContain(name);
  });
});
