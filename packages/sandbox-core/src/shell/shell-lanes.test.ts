// Execs that a lane had prepared: they must look like any other, and what was prepared in vain must go.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@tooling/eventually';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { markedProcesses, whileFrozen } from '../../test/marked-processes.ts';
import type { BoxProcess } from '../box-process.ts';
import { openChildChannel } from './child-channel.ts';
import { FolderSpool } from './folder-spool.ts';
import { ShellRunner } from './shell-runner.ts';

const text = (data: Uint8Array) => Buffer.from(data).toString();

/** Lanes need pipes without a name, which bash does not have. */
function hasPipes(): boolean {
  const script = 'exec 7<<E\nE\n[ -p /proc/self/fd/7 ]';
  return spawnSync('/bin/sh', ['-c', script]).status === 0;
}

describe.runIf(hasPipes())('lanes of a runner', () => {
  let folder: string;
  let mark: string;
  let runners: ShellRunner[];

  const open = (environment: Readonly<Record<string, string>> = {}, lanes = true) => {
    const spoolDir = join(folder, 'spool');
    const env = { PATH: process.env.PATH ?? '/usr/bin:/bin', BOXYARD_BOX: mark, ...environment };
    const runner = new ShellRunner({
      openChannel: (argv) => openChildChannel(argv, { env }),
      spoolDir,
      workspaceRoot: join(folder, 'workspace'),
      mark,
      epoch: 1,
      spool: new FolderSpool(spoolDir, 1),
      lanes,
    });
    runners.push(runner);
    return runner;
  };
  const processes = () => markedProcesses(mark);
  const starters = async () => (await processes()).filter(({ what }) => / slot@\d+\.\d+ 1? ?$/.test(what));
  const slots = async () => (await readdir(join(folder, 'spool'))).filter((name) => name.startsWith('slot@'));
  /** An exec that finds no lane opens one for those after it; one whose end nobody has noticed yet may be found. */
  const warm = (runner: ShellRunner) =>
    eventually('a lane is ready', async () => {
      await runner.exec({ program: { script: 'true' } });
      return (await starters()).length > 0;
    });

  const spawnedByLane = async (id: string) => {
    const claim = await readFile(join(folder, 'spool', `${id}.l`), 'latin1');
    // The starter claims the id itself and then becomes the command; else the channel's shell does it.
    return /^M (\d+) .*\nP \1 /.test(claim);
  };
  const readRan = () => readFile(join(folder, 'workspace', 'ran'), 'utf8').catch(() => '');
  const spoolOf = async (id: string) =>
    (await readdir(join(folder, 'spool'))).filter((name) => name.startsWith(`${id}.`));
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
      'cat; echo err >&2; env | sort | grep -v BOXYARD_OP; pwd; ' +
      // In no pipe: the shell itself holds one for a moment while it starts the second command.
      'ls /proc/$$/fd; ' +
      'read -r a b c d e f rest </proc/$$/stat; [ "$f" = $$ ] && echo leads; trap; exit 7';
    const request = {
      program: { script },
      env: { A: "it's\n ü" },
      stdin: new Uint8Array(Buffer.from('in\n')),
    };
    const plain = await open({ LANG: 'C.UTF-8' }, false).exec(request);
    let turns = 0;
    // The lane may not be ready for every turn; without the last condition none of these might have been its.
    await eventually('lanes had six commands and more', async () => {
      const result = await runner.exec({ ...request, ...(turns % 2 === 0 ? {} : { runLimitMs: 60_000 }) });
      expect(text(result.stdout)).toBe(text(plain.stdout));
      expect([text(result.stderr), result.exitCode]).toEqual(['err\n', 7]);
      turns += 1;
      return (await slots()).some((name) => /^slot@\d+\.([7-9]|\d\d)\.o$/.test(name));
    });
    const merged = await runner.exec({
      program: { script: 'echo a; echo b >&2; echo c' },
      output: 'merged',
    });
    expect([text(merged.stdout), text(merged.stderr)]).toEqual(['a\nb\nc\n', '']);
  });

  const outputOf = async (started: BoxProcess) => {
    const seen = { stdout: '', stderr: '' };
    for await (const event of started.output())
      if (event.kind === 'chunk') seen[event.channel] += text(event.bytes);
    return { ...seen, ...(await started.exited()) };
  };
  const bytes = (data: string) => new Uint8Array(Buffer.from(data));
  /** Spawns it until a lane has fed it so often; every one of them is to do the same. */
  const fedByLanes = async (
    runner: ShellRunner,
    times: number,
    script: string,
    use: (started: BoxProcess) => Promise<void>,
  ) => {
    let byLane = 0;
    let turn = 0;
    await eventually(`lanes fed ${times} commands`, async () => {
      const id = `fed${turn++}`;
      const started = await runner.spawn({ program: { script }, id, stdin: 'open' });
      if (await spawnedByLane(id)) byLane += 1;
      await use(started);
      await started.forget();
      expect(await spoolOf(id)).toEqual([]);
      return byLane >= times;
    });
  };

  it('feeds commands as without a lane', async () => {
    const script =
      'read -r first; echo "$first"; cat; env | sort | grep -v BOXYARD_OP; ls /proc/$$/fd; ' +
      'read -r a b c d e f rest </proc/$$/stat; [ "$f" = $$ ] && echo leads; trap; exit 7';
    // More than a pipe holds, in chunks whose order shows.
    const chunks = Array.from({ length: 4 }, (_, at) => String(at).repeat(50_000));
    const use = async (started: BoxProcess) => {
      const seen = outputOf(started);
      await started.write(bytes('one\n'));
      for (const chunk of chunks) await started.write(bytes(chunk));
      await started.closeStdin();
      return seen;
    };
    const usual = await open({}, false).spawn({ program: { script }, stdin: 'open' });
    const plain = await use(usual);
    await usual.forget();
    expect(plain.stdout.startsWith(`one\n${chunks.join('')}`)).toBe(true);
    expect(plain.exitCode).toBe(7);
    await fedByLanes(open(), 4, script, async (started) => expect(await use(started)).toEqual(plain));
  });

  it('ends what feeds a command with it, whether it read anything or not', async () => {
    const runner = open();
    await fedByLanes(runner, 3, 'echo hi', async (started) => {
      expect(await outputOf(started)).toMatchObject({ stdout: 'hi\n', exitCode: 0 });
      await expect(started.write(bytes('late'))).rejects.toMatchObject({ code: 'conflict' });
    });
    await fedByLanes(runner, 2, 'exec sleep 60', async (started) => {
      // Nobody reads it, so that whoever passes it on waits in the middle.
      await started.write(bytes('x'.repeat(200_000)));
      await started.kill({ graceMs: 0 });
      expect(await outputOf(started)).toMatchObject({ stdout: '', endedBy: 'kill' });
    });
    await fedByLanes(runner, 2, 'exec sleep 60', async (started) => {
      await started.interrupt();
      expect(await outputOf(started)).toMatchObject({ exitCode: 130 });
    });
  });

  it('feeds a command that another runner began, and one whose runner is gone', async () => {
    const first = open();
    await fedByLanes(first, 2, 'read -r line; echo "$line"; cat', async ({ id }) => {
      const again = await open().attaching.attach(id);
      await again.write(bytes('one\n'));
      await again.closeStdin();
      expect((await outputOf(again)).stdout).toBe('one\n');
    });
    let left = '';
    await eventually('a lane feeds one that is left', async () => {
      left = `left${left}`;
      const started = await first.spawn({ program: { script: 'cat' }, id: left, stdin: 'open' });
      if (await spawnedByLane(left)) return true;
      await started.kill({ graceMs: 0 });
      await started.forget();
      return false;
    });
    await first.close();
    const again = await open().attaching.attach(left);
    await again.write(bytes('two'));
    await again.closeStdin();
    expect((await outputOf(again)).stdout).toBe('two');
    await again.forget();
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
    await whileFrozen(mark, async () => {
      const exec = runner.exec({ program: { script: 'echo x >ran' }, id: 'late' }, { deadlineMs: 100 });
      await expect(exec).rejects.toMatchObject({ code: 'timeout' });
    });
    expect(text((await runner.exec({ program: { script: 'ls' } })).stdout)).toBe('');
    await eventually('nothing of it is left', async () =>
      (await readdir(join(folder, 'spool'))).every((name) => name === 'epoch' || name.startsWith('slot@')),
    );
    expect(await readdir(join(folder, 'workspace'))).toEqual([]);
  });

  it('starts a command once whose start was given up while the lane was frozen', async () => {
    const runner = open();
    await warm(runner);
    const request = { program: { script: 'echo x | tee -a ran' }, id: 'late', runLimitMs: 60_000 };
    await whileFrozen(mark, () =>
      expect(runner.spawn(request, { deadlineMs: 100 })).rejects.toMatchObject({ code: 'timeout' }),
    );
    const started = await runner.spawn(request);
    expect((await started.exited()).exitCode).toBe(0);
    let seen = '';
    for await (const event of started.output()) if (event.kind === 'chunk') seen += text(event.bytes);
    expect([seen, await readRan()]).toEqual(['x\n', 'x\n']);
    await started.forget();
  });

  it('never runs an id twice, whoever asks at once', async () => {
    const [first, second] = [open(), open()];
    await Promise.all([warm(first), warm(second)]);
    for (let turn = 0; turn < 4; turn++) {
      const id = `twin${turn}`;
      const request = { program: { script: `echo ${id} >>ran` }, id, runLimitMs: 60_000 };
      const twins = await Promise.all([first, second, first].map((runner) => runner.spawn(request)));
      for (const twin of twins) expect((await twin.exited()).exitCode).toBe(0);
      await twins[0]?.forget();
    }
    expect((await readRan()).trim().split('\n')).toEqual([0, 1, 2, 3].map((turn) => `twin${turn}`));
  });

  it('leaves lanes to commands that live long, finds them again and ends them like any other', async () => {
    const runner = open();
    const held: BoxProcess[] = [];
    // More than there are lanes at a time.
    let byLane = 0;
    await eventually('six are kept by lanes', async () => {
      await warm(runner);
      const id = `long${held.length}`;
      held.push(await runner.spawn({ program: { script: 'echo begun; sleep 60' }, id, runLimitMs: 60_000 }));
      if (await spawnedByLane(id)) byLane += 1;
      return byLane === 6;
    });
    const second = open();
    const again = await second.attaching.attach('long0');
    await again.kill({ graceMs: 0 });
    expect(await held[0]?.exited()).toMatchObject({ endedBy: 'kill' });
    await expect(held[1]?.write(new Uint8Array(1))).rejects.toMatchObject({ code: 'conflict' });
    for (const started of held) {
      await started.kill({ graceMs: 0 });
      expect(await started.exited()).toMatchObject({ endedBy: 'kill' });
      await started.forget();
    }
  });

  it('ends a command at its run limit although its starter was killed', async () => {
    // A process of its own, killed as a crash does it: its channels close and nothing else happens.
    const file = (name: string) => JSON.stringify(new URL(name, import.meta.url).href);
    const script = `
      const { ShellRunner } = await import(${file('./shell-runner.ts')});
      const { FolderSpool } = await import(${file('./folder-spool.ts')});
      const { openChildChannel } = await import(${file('./child-channel.ts')});
      const [folder, mark] = process.argv.slice(1);
      const env = { PATH: process.env.PATH, BOXYARD_BOX: mark };
      const runner = new ShellRunner({
        openChannel: (argv) => openChildChannel(argv, { env }),
        spoolDir: folder + '/spool', workspaceRoot: folder + '/workspace', mark, epoch: 1,
        spool: new FolderSpool(folder + '/spool', 1), lanes: true,
      });
      const { readFileSync, writeSync } = await import('node:fs');
      for (let turn = 0; ; turn++) {
        const id = 'limited' + turn;
        const started = await runner.spawn({ program: { script: 'sleep 60' }, runLimitMs: 300, id });
        const byLane = /^M (\\d+) .*\\nP \\1 /.test(readFileSync(folder + '/spool/' + id + '.l', 'latin1'));
        if (byLane) {
          writeSync(1, id);
          process.kill(process.pid, 'SIGKILL');
        }
        await started.kill({ graceMs: 0 });
        await started.forget();
      }
    `;
    const args = ['--conditions=@boxyard/source', '--input-type=module', '-e', script, folder, mark];
    const starter = spawnSync(process.execPath, args, { timeout: 60_000, encoding: 'utf8' });
    expect([starter.signal, starter.stdout]).toEqual(['SIGKILL', expect.stringMatching(/^limited\d+$/)]);
    const again = await open().attaching.attach(starter.stdout);
    expect(await again.exited()).toMatchObject({ endedBy: 'run-limit' });
    await again.forget();
  });

  it('starts commands the usual way where the guard of run limits was killed', async () => {
    const runner = open();
    await warm(runner);
    const guards = (await processes()).filter(({ what }) =>
      what.endsWith(` boxyard ${folder}/spool ${mark} `),
    );
    expect(guards.length).toBeGreaterThan(0);
    for (const { pid } of guards) process.kill(pid, 'SIGKILL');
    await eventually('they are gone', async () =>
      (await processes()).every(({ pid }) => guards.every((guard) => guard.pid !== pid)),
    );
    const request = { program: { script: 'sleep 60' }, runLimitMs: 200, id: 'limited' };
    const started = await runner.spawn(request);
    expect(await spawnedByLane('limited')).toBe(false);
    expect(await started.exited()).toMatchObject({ endedBy: 'run-limit' });
    await started.forget();
    expect(await spoolOf('limited')).toEqual([]);
  });

  it('feeds commands the usual way where the guard was killed with whom it holds', async () => {
    const runner = open();
    await fedByLanes(runner, 1, 'true', async (started) => void (await started.exited()));
    const guards = async () =>
      (await processes()).filter(({ what }) => what.endsWith(` boxyard ${folder}/spool ${mark} `));
    expect((await guards()).length).toBeGreaterThan(0);
    for (const { pid } of await guards()) process.kill(pid, 'SIGKILL');
    await eventually('they are gone', async () => (await guards()).length === 0);
    const started = await runner.spawn({ program: { script: 'cat' }, id: 'fed', stdin: 'open' });
    expect(await spawnedByLane('fed')).toBe(false);
    await started.write(bytes('in'));
    await started.closeStdin();
    expect((await outputOf(started)).stdout).toBe('in');
    await started.forget();
    expect(await spoolOf('fed')).toEqual([]);
  });

  it('goes on without lanes that were killed, and the next one sweeps what they prepared', async () => {
    const runner = open();
    await warm(runner);
    const before = await slots();
    expect(before.length).toBeGreaterThan(0);
    const lanes = new Set(before.map((name) => Number(name.slice('slot@'.length).split('.')[0])));
    for (const pid of lanes) process.kill(pid, 'SIGKILL');
    await eventually('the starters end with their lanes', async () =>
      (await starters()).every(({ what }) => [...lanes].every((pid) => !what.includes(` slot@${pid}.`))),
    );
    await warm(runner);
    for (const name of before) expect(await slots()).not.toContain(name);
  });
});
