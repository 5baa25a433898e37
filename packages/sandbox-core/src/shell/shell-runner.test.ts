// The runner over real shells. What every box must do is asserted by the conformance suite, on local boxes; here is
// what only the runner knows: both spools, both shells, a dying channel, the guard, and what stays behind.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@tooling/eventually';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { markedProcesses, whileFrozen } from '../../test/marked-processes.ts';
import type { BoxProcess, OutputCursor } from '../box-process.ts';
import { OUTPUT_START } from '../box-process.ts';
import { openChildChannel } from './child-channel.ts';
import { FolderSpool } from './folder-spool.ts';
import type { ShellChannel } from './shell-channel.ts';
import { ShellRunner } from './shell-runner.ts';

type Shell = readonly [string, ...string[]];

/** Only the larger one could exceed what may be held. */
const FLOOD_BYTES = process.env.BOXYARD_SOAK === '1' ? 200_000_000 : 20_000_000;
/** Commands that end while their input is still being handed on: one in some thousands met a signal unseen. */
const SHORT_READERS = process.env.BOXYARD_SOAK === '1' ? 5000 : 40;
const MOST_HELD_BYTES = 64 * 1024 * 1024;

const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const text = (data: Uint8Array) => Buffer.from(data).toString();

function hasBusybox(): boolean {
  try {
    execFileSync('busybox', ['true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const shells: readonly Shell[] = [['/bin/sh'], ...(hasBusybox() ? ([['busybox', 'ash']] as const) : [])];
const kinds = shells.flatMap((shell) => [
  { name: `${shell.join(' ')}, spool read from disk`, shell, onDisk: true },
  { name: `${shell.join(' ')}, spool read through the shell`, shell, onDisk: false },
]);

const BEING_REPLACED = process.env.BOXYARD_SOAK === '1' ? 300 : 1;
const isAgain = ({ what }: { readonly what: string }) => what.startsWith('/bin/sh ./again ');

async function collect(process: BoxProcess, from: OutputCursor = OUTPUT_START) {
  const parts = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  for await (const event of process.output({ from })) {
    if (event.kind === 'end') {
      return {
        stdout: text(Buffer.concat(parts.stdout)),
        stderr: text(Buffer.concat(parts.stderr)),
        complete: event.complete,
        next: event.next,
      };
    }
    parts[event.channel].push(event.bytes);
  }
  throw new Error('the output had no end');
}

describe.each(kinds)('a runner on $name', ({ shell, onDisk }) => {
  let folder: string;
  let mark: string;
  let channels: ShellChannel[];
  let runners: ShellRunner[];

  const open = (options: { epoch?: number; spoolLimitBytes?: number; boxSpoolLimitBytes?: number } = {}) => {
    const epoch = options.epoch ?? 1;
    const spoolDir = join(folder, 'spool');
    const env = { PATH: process.env.PATH ?? '/usr/bin:/bin', BOXYARD_BOX: mark };
    const runner = new ShellRunner({
      openChannel: async (argv) => {
        const channel = await openChildChannel(argv, { env });
        channels.push(channel);
        return channel;
      },
      spoolDir,
      workspaceRoot: join(folder, 'workspace'),
      mark,
      epoch,
      shell,
      ...options,
      ...(onDisk ? { spool: new FolderSpool(spoolDir, epoch), lanes: true } : {}),
    });
    runners.push(runner);
    return runner;
  };

  const processes = () => markedProcesses(mark);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'boxyard-runner-'));
    mark = `test${folder.slice(-6)}`;
    channels = [];
    runners = [];
    for (const name of ['workspace', 'spool']) {
      execFileSync('mkdir', ['-m', '700', join(folder, name)]);
    }
  });

  afterEach(async () => {
    for (const runner of runners) await runner.close();
    try {
      await eventually('no process of the box is left', async () => (await processes()).length === 0);
      expect(await readdir(join(folder, 'spool'))).toEqual(runners.length === 0 ? [] : ['epoch']);
    } finally {
      for (const { pid } of await processes()) process.kill(pid, 'SIGKILL');
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('runs commands with their own output, stdin and exit code', async () => {
    const runner = open();
    const result = await runner.exec({
      program: { script: 'cat; echo "$A" >&2; exit 3' },
      env: { A: "it's\n ü " },
      stdin: bytes('in\0put'),
    });
    expect([text(result.stdout), text(result.stderr), result.exitCode]).toEqual([
      'in\0put',
      "it's\n ü \n",
      3,
    ]);
    expect([result.endedBy, result.truncated, result.outputComplete]).toEqual(['itself', false, true]);
  });

  it('finds a command again in another runner, byte-exact from a cursor, with its stdin open', async () => {
    const first = open();
    const script = 'echo begun; while read -r line; do echo "got $line"; done; exit 4';
    const started = await first.spawn({ program: { script }, stdin: 'open', id: 'job' });
    await started.write(bytes('one\n'));
    let cursor = OUTPUT_START;
    let seen = '';
    for await (const event of started.output()) {
      if (event.kind === 'chunk') seen += text(event.bytes);
      cursor = event.next;
      if (seen.includes('got one\n')) break;
    }
    // As a crash would do it: the process that started the command is not there any more.
    channels[0]?.destroy();
    const second = open();
    expect(await second.attaching.list()).toEqual(['job']);
    const again = await second.attaching.attach('job');
    await again.write(bytes('two\n'));
    await again.closeStdin();
    expect((await collect(again, cursor)).stdout).toBe('got two\n');
    expect(await again.exited()).toMatchObject({ exitCode: 4, endedBy: 'itself' });
    await again.forget();
    await expect(second.attaching.attach('job')).rejects.toMatchObject({ code: 'not-found' });
  });

  it(
    'stays answerable while commands end at the very line that they read',
    async () => {
      const runner = open();
      let begun = 0;
      const readers = async () => {
        while (begun++ < SHORT_READERS) {
          const reader = await runner.spawn({ program: { script: 'read line' }, stdin: 'open' });
          await reader.write(bytes('\n'));
          expect(await collect(reader)).toMatchObject({ complete: true });
          expect(await reader.exited()).toMatchObject({ exitCode: 0 });
          await reader.forget();
        }
      };
      await Promise.all([readers(), readers(), readers(), readers()]);
    },
    SHORT_READERS * 100 + 60_000,
  );

  it('goes on over a new channel when the one it had dies', async () => {
    const runner = open();
    const started = await runner.spawn({ program: { script: 'read go; echo went' }, stdin: 'open' });
    channels[0]?.destroy();
    await channels[0]?.closed;
    await started.write(bytes('go\n'));
    await started.closeStdin();
    expect((await collect(started)).stdout).toBe('went\n');
    expect(text((await runner.exec({ program: { script: 'echo new' } })).stdout)).toBe('new\n');
    await started.forget();
  });

  // The guard lives in the box and knows nothing of who reads the spool.
  if (onDisk)
    it('ends a command at its run limit although nobody is there any more', async () => {
      const first = open();
      await first.spawn({ program: { script: 'echo begun; sleep 30' }, runLimitMs: 300, id: 'limited' });
      channels[0]?.destroy();
      await first.close();
      const second = open();
      const again = await second.attaching.attach('limited');
      expect(await again.exited()).toMatchObject({ endedBy: 'run-limit' });
      expect((await collect(again)).stdout).toBe('begun\n');
      await again.forget();
    });

  // How fast a shell copies is no matter of its kind.
  if (shell[0] === '/bin/sh')
    it('streams what a command prints byte-exact, and holds only a little of it', {
      timeout: 120_000,
    }, async () => {
      const runner = open();
      const program = { script: `head -c ${FLOOD_BYTES} /dev/urandom | tee copy` };
      const started = await runner.spawn({ program });
      const streamed = createHash('sha256');
      const before = process.memoryUsage().arrayBuffers;
      let peak = 0;
      for await (const event of started.output()) {
        if (event.kind !== 'chunk') continue;
        streamed.update(event.bytes);
        peak = Math.max(peak, process.memoryUsage().arrayBuffers - before);
      }
      const copied = createHash('sha256');
      for await (const chunk of createReadStream(join(folder, 'workspace', 'copy'))) copied.update(chunk);
      expect(streamed.digest('hex')).toBe(copied.digest('hex'));
      expect(peak).toBeLessThan(MOST_HELD_BYTES);
      await started.forget();
    });

  it('kills a storm of children, and nothing comes after', async () => {
    const runner = open();
    const script =
      'for i in 1 2 3 4 5 6 7 8 9 10; do (trap "" TERM; setsid sleep 30 & sleep 30 & sleep 30) & done; wait';
    const started = await runner.spawn({ program: { script } });
    await eventually('the storm blows', async () => (await processes()).length > 20);
    await started.kill({ graceMs: 100 });
    expect(await started.exited()).toMatchObject({ endedBy: 'kill' });
    await started.forget();
  });

  // In the middle of an exec a process shows no mark, and one that does nothing else is seen there every now and then.
  it('kills what is in the middle of an exec', async () => {
    const runner = open();
    await writeFile(join(folder, 'workspace', 'again'), 'exec /bin/sh ./again\n');
    for (let turn = 0; turn < BEING_REPLACED; turn++) {
      const started = await runner.spawn({
        program: { script: 'setsid /bin/sh ./again & setsid /bin/sh ./again & wait' },
      });
      await eventually('both are at it', async () => (await processes()).filter(isAgain).length === 2);
      await started.kill({ graceMs: 0 });
      expect(await started.exited()).toMatchObject({ endedBy: 'kill' });
      await started.forget();
      expect((await processes()).filter(isAgain)).toEqual([]);
    }
  });

  it('ends a command whose output is more than the spool may hold, and says so', async () => {
    const runner = open({ spoolLimitBytes: 100_000 });
    const flood = runner.exec({ program: { script: 'head -c 300000 /dev/zero; sleep 0.1' } });
    await expect(flood).rejects.toMatchObject({ code: 'quota' });
    expect(text((await runner.exec({ program: { script: 'echo fine' } })).stdout)).toBe('fine\n');
  });

  it('starts nothing while the box keeps more output than it may, and says what to forget', async () => {
    const runner = open({ boxSpoolLimitBytes: 200_000 });
    const held: BoxProcess[] = [];
    for (const id of ['small', 'large']) {
      const length = id === 'small' ? 90_000 : 110_000;
      const started = await runner.spawn({ program: { script: `head -c ${length} /dev/zero` }, id });
      expect((await started.exited()).exitCode).toBe(0);
      held.push(started);
    }
    const next = () =>
      runner.spawn({ program: { script: 'echo x >>ran' } }).then((started) => started.forget());
    // It is looked at every now and then only, so that some may still start; each of them has ended.
    let refusal: unknown;
    await eventually('a start is refused', async () => {
      const started = await runner.exec({ program: { script: 'true' } }).catch((error: unknown) => error);
      refusal = started instanceof Error ? started : undefined;
      return refusal !== undefined;
    });
    expect(refusal).toMatchObject({ code: 'quota', started: 'no' });
    expect(String(refusal)).toMatch(/: large \(\d+ bytes\), small \(\d+ bytes\)/);
    // Whoever opens the box now sees it at once.
    await expect(
      open({ boxSpoolLimitBytes: 200_000 }).exec({ program: { script: 'true' } }),
    ).rejects.toMatchObject({ code: 'quota' });
    await expect(next()).rejects.toMatchObject({ code: 'quota' });
    expect(await readdir(join(folder, 'workspace'))).toEqual([]);
    await held[1]?.forget();
    expect((await runner.exec({ program: { script: 'exit 6' } })).exitCode).toBe(6);
    await held[0]?.forget();
  });

  it('refuses to start or feed anything once a newer epoch was seen', async () => {
    const older = open({ epoch: 1 });
    const started = await older.spawn({ program: { script: 'cat' }, stdin: 'open' });
    const newer = open({ epoch: 2 });
    await newer.probe();
    await expect(older.exec({ program: { script: 'true' } })).rejects.toMatchObject({
      code: 'fenced',
      started: 'no',
    });
    await expect(older.spawn({ program: { script: 'true' } })).rejects.toMatchObject({ code: 'fenced' });
    await expect(started.write(bytes('x'))).rejects.toMatchObject({ code: 'fenced' });
    // Ending what runs stays possible.
    await started.kill({ graceMs: 100 });
    await started.forget();
    expect((await newer.exec({ program: { script: 'exit 6' } })).exitCode).toBe(6);
  });

  it('refuses to start anything for a session that was seen with a higher epoch, and for that one only', async () => {
    const runner = open();
    const at = (activeEpoch: number, sessionId = 'one') => ({ fence: { sessionId, activeEpoch } });
    const touch = (name: string): { program: { script: string } } => ({
      program: { script: `touch ${name}` },
    });
    const started = await runner.spawn({ program: { script: 'cat' }, stdin: 'open' }, at(0));
    await runner.exec(touch('first'), at(2));
    // Also where the command's script and input are brought into the spool before it starts.
    const long = { program: { script: `touch long # ${'x'.repeat(8000)}` }, stdin: bytes('in') };
    for (const refused of [
      () => runner.exec(touch('exec'), at(1)),
      () => runner.exec(long, at(1)),
      () => runner.spawn(touch('spawn'), at(0)),
      () => open().exec(touch('other-runner'), at(1)),
    ])
      await expect(refused()).rejects.toMatchObject({ code: 'fenced', started: 'no' });
    await runner.exec(touch('again'), at(2));
    await runner.exec(touch('two'), at(0, 'two'));
    await runner.exec(touch('nobody'));
    expect((await readdir(join(folder, 'workspace'))).sort()).toEqual(['again', 'first', 'nobody', 'two']);
    await expect(runner.exec(touch('x'), at(3, '../x'))).rejects.toMatchObject({ code: 'invalid' });
    // What was started before is still its owner's.
    await started.write(bytes('to the end'));
    await started.closeStdin();
    expect((await collect(started)).stdout).toBe('to the end');
    await started.forget();
    await rm(join(folder, 'spool', 'epoch@one'));
  });

  it('says gone, never running, for a command that vanished with its keeper', async () => {
    const runner = open();
    const started = await runner.spawn({ program: { script: 'sleep 30' } });
    const waiting = started.exited();
    waiting.catch(() => undefined);
    // One that has not begun, as far as its record says, may still be about to.
    await eventually('the command runs', async () =>
      (await processes()).some(({ what }) => what === 'sleep 30 '),
    );
    for (const { pid } of await processes()) process.kill(pid, 'SIGKILL');
    await expect(waiting).rejects.toMatchObject({ code: 'gone' });
    for (const name of await readdir(join(folder, 'spool'))) {
      if (name !== 'epoch') await rm(join(folder, 'spool', name));
    }
  });

  it('cleans up after a freeze in the middle of calls that were given up', async () => {
    const runner = open();
    const started = await runner.spawn({ program: { script: 'cat' }, stdin: 'open' });
    await whileFrozen(mark, async () => {
      const options = { deadlineMs: 100 };
      await expect(runner.exec({ program: { script: 'sleep 30' } }, options)).rejects.toMatchObject({
        code: 'timeout',
      });
      const spawned = runner.spawn({ program: { script: 'echo x' }, id: 'late' }, options);
      await expect(spawned).rejects.toMatchObject({ code: 'timeout' });
      await expect(started.kill({ ...options, graceMs: 0 })).rejects.toMatchObject({ code: 'timeout' });
    });
    const late = await runner.spawn({ program: { script: 'echo x' }, id: 'late' });
    expect((await collect(late)).stdout).toBe('x\n');
    await late.forget();
    await started.kill({ graceMs: 0 });
    await started.forget();
  });
});
