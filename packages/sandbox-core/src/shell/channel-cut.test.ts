// The channel is cut after every number of bytes that a short conversation has, in both directions: nothing runs
// twice, nothing hangs, and what the caller is told is true. BOXYARD_SOAK=1 cuts at every byte; otherwise requests are
// cut at every 13th and answers and notices at every third.
import { mkdirSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@tooling/eventually';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CutLane, cutFirstChannel } from '../../test/cut-channel.ts';
import { markedProcesses } from '../../test/marked-processes.ts';
import type { BoxProcess } from '../box-process.ts';
import { SandboxError } from '../sandbox-error.ts';
import { openChildChannel } from './child-channel.ts';
import { FolderSpool } from './folder-spool.ts';
import { ShellRunner } from './shell-runner.ts';

const SOAK = process.env.BOXYARD_SOAK === '1';
const AT_ONCE = 4;
const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const text = (data: Uint8Array) => Buffer.from(data).toString();

function cutsOf(carried: Readonly<Record<CutLane, number>>): { lane: CutLane; after: number }[] {
  const all: { lane: CutLane; after: number }[] = [];
  for (const lane of ['request', 'reply', 'notice'] as const) {
    const step = SOAK ? 1 : lane === 'request' ? 13 : 3;
    for (let after = 0; after <= carried[lane]; after += step) all.push({ lane, after });
  }
  return all;
}

describe.each([
  { name: 'through the shell', onDisk: false },
  { name: 'from disk', onDisk: true },
])('a cut channel, spool read $name', ({ onDisk }) => {
  let folder: string;
  let mark: string;
  let turn = 0;
  let runners: ShellRunner[];

  /** A runner of a box of its own. */
  const open = (cut: { lane: CutLane; after: number } | null) => {
    const box = String(turn++);
    const place = join(folder, box);
    const spoolDir = join(place, 'spool');
    const workspaceRoot = join(place, 'workspace');
    for (const dir of [place, spoolDir, workspaceRoot]) mkdirSync(dir, { mode: 0o700 });
    const env = { PATH: process.env.PATH ?? '/usr/bin:/bin', BOXYARD_BOX: mark };
    const channels = cutFirstChannel((argv) => openChildChannel(argv, { env }), cut);
    const runner = new ShellRunner({
      openChannel: channels.open,
      spoolDir,
      workspaceRoot,
      // Four of them have a command of the same id at once: a kill in one box must not find that of another.
      mark: `${mark}-${box}`,
      epoch: 1,
      ...(onDisk ? { spool: new FolderSpool(spoolDir, 1) } : {}),
    });
    runners.push(runner);
    const ran = async () =>
      (await readFile(join(workspaceRoot, 'ran'), 'utf8').catch(() => '')).split('\n').length - 1;
    return { runner, carried: channels.carried, ran, spoolDir };
  };
  type Opened = ReturnType<typeof open>;

  /** Counts the bytes of `converse`, then has it once for every cut. */
  const cutEverywhere = async (converse: (opened: Opened) => Promise<void>) => {
    const whole = open(null);
    await converse(whole);
    const cuts = cutsOf(whole.carried);
    expect(cuts.length).toBeGreaterThan(20);
    const next = async (): Promise<void> => {
      for (let cut = cuts.shift(); cut !== undefined; cut = cuts.shift()) {
        const opened = open(cut);
        try {
          await converse(opened);
        } catch (cause) {
          throw new Error(`cut after byte ${cut.after} of the ${cut.lane}s`, { cause });
        }
        await opened.runner.close();
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, next));
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'boxyard-cut-'));
    mark = `cut${folder.slice(-6)}`;
    runners = [];
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
      await rm(folder, { recursive: true, force: true });
    }
  });

  const LONG = { timeout: 120_000 };

  it('runs an exec once at most, and exactly once where it gives a result', LONG, async () => {
    await cutEverywhere(async ({ runner, ran, spoolDir }) => {
      const program = { script: 'echo x >>ran; echo out; echo err >&2; exit 3' };
      const result = await runner
        .exec({ program, id: 'job' }, { deadlineMs: 30_000 })
        .catch((error: unknown) => error);
      if (SandboxError.isInstance(result)) {
        expect(['unreachable', 'outcome-unknown']).toContain(result.code);
        expect(await ran()).toBeLessThanOrEqual(result.started === 'no' ? 0 : 1);
      } else {
        expect(result).toMatchObject({ exitCode: 3, outputComplete: true });
        const { stdout, stderr } = result as { stdout: Uint8Array; stderr: Uint8Array };
        expect([text(stdout), text(stderr), await ran()]).toEqual(['out\n', 'err\n', 1]);
      }
      expect((await runner.exec({ program: { script: 'exit 4' } })).exitCode).toBe(4);
      await runner.close();
      await eventually('nothing of it is left', async () => (await readdir(spoolDir)).join() === 'epoch');
    });
  });

  it(
    'starts a command of a known id once, however often it is asked for, and feeds it no line twice',
    LONG,
    async () => {
      await cutEverywhere(async ({ runner, ran }) => {
        const request = { program: { script: 'echo x >>ran; cat' }, stdin: 'open', id: 'job' } as const;
        const options = { deadlineMs: 30_000 };
        const typed = (error: unknown) => {
          if (!SandboxError.isInstance(error)) throw error;
          expect(['unreachable', 'outcome-unknown']).toContain(error.code);
          return null;
        };
        let started: BoxProcess | null = null;
        for (let attempt = 0; started === null && attempt < 3; attempt++)
          started = await runner.spawn(request, options).catch(typed);
        if (started === null) throw new Error('it never started');
        const fed = await started.write(bytes('line\n'), options).then(() => true, typed);
        for (let closed = null as true | null; closed === null; )
          closed = await started.closeStdin(options).then(() => true as const, typed);
        let seen = '';
        // A reader whose channel breaks comes back with its cursor.
        let cursor = { stdout: 0, stderr: 0 };
        for (let ended = false; !ended; ) {
          try {
            for await (const event of started.output({ from: cursor })) {
              cursor = event.next;
              if (event.kind === 'chunk') seen += text(event.bytes);
              else ended = true;
            }
          } catch (error) {
            typed(error);
          }
        }
        expect(['line\n', ...(fed === true ? [] : [''])]).toContain(seen);
        let status = null as { exitCode: number } | null;
        while (status === null) status = await started.exited(options).catch(typed);
        expect([status.exitCode, await ran()]).toEqual([0, 1]);
        while ((await started.forget(options).then(() => true, forgottenOr(typed))) !== true);
      });
    },
  );

  it('opens another channel when an answer makes no sense', async () => {
    for (const nonsense of ['nonsense\n', 'R 1\n', 'R 999 0 x\n', 'B 1 99999999999 1\n', '\0\0\n']) {
      let opened = 0;
      const { spoolDir } = open(null);
      const env = { PATH: process.env.PATH ?? '/usr/bin:/bin', BOXYARD_BOX: mark };
      const runner = new ShellRunner({
        openChannel: async (argv) => {
          const channel = await openChildChannel(argv, { env });
          let answers = 0;
          if (opened++ > 0) return channel;
          // The hello is whole, the first answer is not.
          return {
            ...channel,
            onStdout: (listener) =>
              channel.onStdout((bytes) =>
                listener(answers++ === 0 ? bytes : new Uint8Array(Buffer.from(nonsense))),
              ),
          };
        },
        spoolDir,
        workspaceRoot: join(spoolDir, '..', 'workspace'),
        mark,
        epoch: 1,
        ...(onDisk ? { spool: new FolderSpool(spoolDir, 1) } : {}),
      });
      runners.push(runner);
      const result = await runner.exec({ program: { script: 'echo x >>ran; echo out' } });
      expect(text(result.stdout)).toBe('out\n');
      expect(await readFile(join(spoolDir, '..', 'workspace', 'ran'), 'utf8')).toBe('x\n');
      expect(opened).toBeGreaterThan(1);
    }
  });
});

/** What was removed although its answer was lost is removed. */
function forgottenOr(typed: (error: unknown) => null): (error: unknown) => true | null {
  return (error) => (SandboxError.hasCode(error, 'not-found') ? true : typed(error));
}
