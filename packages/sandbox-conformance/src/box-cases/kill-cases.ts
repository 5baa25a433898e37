// Ending commands with all that they started. Whether something still lives is asked in the box, by pid.
import assert from 'node:assert/strict';
import type { BoxProcess } from '@boxyard/sandbox-core';
import { type BoxCase, type BoxCaseContext, casesOf } from '../case/box-case.ts';
import { collect, prepare, shell, start, textOf } from '../case/case-steps.ts';

/** Those of these processes that live; one that has ended and was not waited for is dead. */
async function living(context: BoxCaseContext, pids: readonly string[]): Promise<readonly string[]> {
  const checks = pids.map((pid) => {
    assert.match(pid, /^\d+$/, 'not a process id');
    return `kill -0 ${pid} 2>/dev/null && ! grep -qs 'State:.Z' /proc/${pid}/status && echo ${pid}; true`;
  });
  const result = await shell(context, checks.join('\n'));
  return textOf(result.stdout).split('\n').filter(Boolean);
}

/** Starts a command that prints the ids of `count` processes, one a line, and waits for them. */
async function startTree(
  context: BoxCaseContext,
  script: string,
  count: number,
): Promise<[BoxProcess, readonly string[]]> {
  const started = await start(context, { program: { script } });
  const lines = (text: string) => text.split('\n').slice(0, -1);
  const seen = await collect(started, { until: (stdout) => lines(stdout).length >= count });
  return [started, lines(textOf(seen.stdout)).slice(0, count)];
}

const TREES: readonly {
  readonly id: string;
  readonly title: string;
  readonly script: string;
  readonly count: number;
  /** Not everywhere; what is not there leaves nothing to kill. */
  readonly tool?: string;
}[] = [
  { id: 'plain', title: 'a single command', script: 'echo $$; sleep 600', count: 1 },
  {
    id: 'children',
    title: 'children in the background',
    script: 'sleep 600 & echo $!; sleep 600 & echo $!; echo $$; wait',
    count: 3,
  },
  {
    id: 'grandchildren',
    title: 'grandchildren whose parent has ended',
    script: `sh -c 'sleep 600 & echo $!'; sh -c 'sleep 600 & echo $!'; echo $$; sleep 600`,
    count: 3,
  },
  {
    id: 'setsid',
    title: 'a session of its own, and one inside it',
    script: `setsid sh -c 'echo $$; sleep 600' & setsid setsid sh -c 'echo $$; sleep 600' & wait; sleep 600`,
    count: 2,
  },
  {
    id: 'nohup',
    title: 'nohup',
    script: `nohup sh -c 'echo $$; sleep 600' & sleep 600`,
    count: 1,
    tool: 'nohup',
  },
  {
    id: 'trap',
    title: 'a loop that ignores TERM, INT and HUP',
    script: `sh -c 'trap "" TERM INT HUP; echo $$; while :; do sleep 0.1; done' & wait; sleep 600`,
    count: 1,
  },
  {
    id: 'daemon',
    title: 'a daemon: its own session, ignoring signals, its parent gone',
    script: `setsid sh -c 'trap "" TERM HUP; echo $$; sleep 600 </dev/null >/dev/null 2>&1; sleep 600' & sleep 600`,
    count: 1,
  },
];

export const KILL_CASES: readonly BoxCase[] = casesOf('kill', [
  ...TREES.map(({ id, title, script, count, tool }) => ({
    id: `tree-${id}`,
    title: `kill ends ${title}`,
    async run(context: BoxCaseContext) {
      if (tool !== undefined && (await shell(context, `${tool} true`)).exitCode === 127) return;
      const [started, pids] = await startTree(context, script, count);
      assert.deepEqual(await living(context, pids), pids, 'the tree was not there in the first place');
      await started.kill({ graceMs: 100, deadlineMs: context.waitMs });
      assert.deepEqual(await living(context, pids), [], 'survivors');
      const status = await started.exited({ deadlineMs: context.waitMs });
      assert.equal(status.endedBy, 'kill');
      assert.notEqual(status.exitCode, 0);
    },
  })),
  {
    id: 'orphans',
    title: 'kill ends the orphans of a command that has ended, even while they hold its output',
    sdk: [29],
    async run(context) {
      const [started, pids] = await startTree(
        context,
        `setsid sh -c 'echo $$; sleep 600' & sleep 600 & echo $!`,
        2,
      );
      await started.exited({ deadlineMs: context.waitMs });
      assert.deepEqual(await living(context, pids), pids, 'the orphans were not there in the first place');
      await started.kill({ graceMs: 100, deadlineMs: context.waitMs });
      assert.deepEqual(await living(context, pids), [], 'survivors');
    },
  },
  {
    id: 'grace',
    title: 'a command that cleans up on TERM has the grace time to do it',
    async run(context) {
      const script = `trap 'echo cleaned; exit 3' TERM; echo ready; while :; do sleep 0.05; done`;
      const started = await start(context, { program: { script } });
      await collect(started, { until: (stdout) => stdout.includes('ready') });
      await started.kill({ graceMs: context.waitMs, deadlineMs: context.waitMs });
      assert.equal(textOf((await collect(started)).stdout), 'ready\ncleaned\n');
      assert.equal((await started.exited({ deadlineMs: context.waitMs })).exitCode, 3);
    },
  },
  {
    id: 'twice',
    title: 'killing again, or killing what has ended by itself, is no error and changes no result',
    async run(context) {
      const deadlineMs = context.waitMs;
      const ended = await start(context, { program: { script: 'exit 5' } });
      await ended.exited({ deadlineMs });
      await ended.kill({ deadlineMs });
      const { exitCode, endedBy } = await ended.exited({ deadlineMs });
      assert.deepEqual([exitCode, endedBy], [5, 'itself']);
      const [running] = await startTree(context, 'echo $$; sleep 600', 1);
      await Promise.all([
        running.kill({ graceMs: 50, deadlineMs }),
        running.kill({ graceMs: 50, deadlineMs }),
      ]);
      await running.kill({ deadlineMs });
    },
  },
  {
    id: 'others-live',
    title: 'kill ends its own command and no other',
    async run(context) {
      const [first] = await startTree(context, 'echo $$; sleep 600', 1);
      const [, pids] = await startTree(context, 'sleep 600 & echo $!; echo $$; wait', 2);
      await first.kill({ graceMs: 50, deadlineMs: context.waitMs });
      assert.deepEqual(await living(context, pids), pids, 'another command was hit');
    },
  },
  {
    id: 'interrupt',
    title: 'interrupt ends a command without a terminal inside the box',
    sdk: [24],
    facts: ['interrupt'],
    async run(context) {
      const [started, pids] = await startTree(context, 'echo $$; sleep 600', 1);
      await started.interrupt({ deadlineMs: context.waitMs });
      const status = await started.exited({ deadlineMs: context.waitMs });
      assert.equal(status.exitCode, 130);
      assert.deepEqual(await living(context, pids), [], 'survivors');
    },
  },
  {
    id: 'interrupt-handled',
    title: 'a command that handles the interrupt goes on',
    facts: ['interrupt'],
    async run(context) {
      const script = `trap 'echo interrupted; exit 7' INT; echo ready; while :; do sleep 0.05; done`;
      const started = await start(context, { program: { script } });
      await collect(started, { until: (stdout) => stdout.includes('ready') });
      await started.interrupt({ deadlineMs: context.waitMs });
      const status = await started.exited({ deadlineMs: context.waitMs });
      assert.deepEqual([status.exitCode, status.endedBy], [7, 'itself']);
      assert.equal(textOf((await collect(started)).stdout), 'ready\ninterrupted\n');
    },
  },
  {
    id: 'box-goes-on',
    title: 'after a kill the box runs other commands',
    async run(context) {
      const [started] = await startTree(context, 'echo $$; sleep 600', 1);
      await started.kill({ graceMs: 50, deadlineMs: context.waitMs });
      assert.equal(await prepare(context, 'echo fine'), 'fine\n');
    },
  },
  {
    id: 'fork-storm',
    title: 'kill ends a command that keeps starting others',
    facts: ['kernel'],
    async run(context) {
      // Bounded by itself: at most fifty children, each for ten seconds.
      const script =
        'echo $$; i=0; while [ $i -lt 50 ]; do setsid sleep 10 </dev/null >/dev/null 2>&1 & i=$((i+1)); done; echo forked; wait';
      const started = await start(context, { program: { script } });
      await collect(started, { until: (stdout) => stdout.includes('\n') });
      await started.kill({ graceMs: 50, deadlineMs: context.waitMs });
      const status = await started.exited({ deadlineMs: context.waitMs });
      assert.ok(status.endedBy === 'kill' || status.exitCode === 0, `ended by ${status.endedBy}`);
    },
  },
]);
