// Commands that are started and then followed.
import assert from 'node:assert/strict';
import { type BoxCase, casesOf } from '../case/box-case.ts';
import { bytesOf, collect, eventually, readText, refused, start, textOf } from '../case/case-steps.ts';

export const SPAWN_CASES: readonly BoxCase[] = casesOf('spawn', [
  {
    id: 'exit',
    title: 'a spawned command reports its exit code to everyone who asks, as often as they ask',
    async run(context) {
      const started = await start(context, { program: { script: 'echo out; exit 9' } });
      const deadlineMs = context.waitMs;
      const [first, second] = await Promise.all([
        started.exited({ deadlineMs }),
        started.exited({ deadlineMs }),
      ]);
      const third = await started.exited({ deadlineMs });
      for (const status of [first, second, third]) {
        assert.deepEqual([status.exitCode, status.endedBy], [9, 'itself']);
      }
      assert.equal(textOf((await collect(started)).stdout), 'out\n');
    },
  },
  {
    id: 'starts-at-once',
    title: 'spawn answers while the command still runs',
    async run(context) {
      const started = await start(context, { program: { script: 'read go; exit 4' }, stdin: 'open' });
      await refused('timeout', started.exited({ deadlineMs: 50 }), 'waiting for a command that waits');
      await started.write(bytesOf('go\n'));
      assert.equal((await started.exited({ deadlineMs: context.waitMs })).exitCode, 4);
    },
  },
  {
    id: 'same-id',
    title: 'the same id never runs twice, whether the first run has ended or not',
    async run(context) {
      const id = context.unique('once');
      const trace = context.unique('trace');
      const request = { id, program: { script: `echo run >> ${trace}; read go` }, stdin: 'open' } as const;
      const first = await start(context, request);
      await eventually(
        context,
        'the first run has begun',
        async () => (await context.box.files.stat(trace)) !== null,
      );
      const second = await context.box.spawn(request, { deadlineMs: context.waitMs });
      assert.deepEqual([first.id, second.id], [id, id]);
      await second.write(bytesOf('go\n'));
      await first.exited({ deadlineMs: context.waitMs });
      const third = await context.box.spawn(request, { deadlineMs: context.waitMs });
      await third.exited({ deadlineMs: context.waitMs });
      assert.equal(await readText(context, trace), 'run\n');
    },
  },
  {
    id: 'same-id-at-once',
    title: 'five starts of one id at the same time are one run, and each gets a handle to it',
    async run(context) {
      const id = context.unique('race');
      const trace = context.unique('trace');
      const request = { id, program: { script: `echo run >> ${trace}; exit 6` } };
      const handles = await Promise.all([1, 2, 3, 4, 5].map(() => start(context, request)));
      for (const handle of handles) {
        assert.equal((await handle.exited({ deadlineMs: context.waitMs })).exitCode, 6);
      }
      assert.equal(await readText(context, trace), 'run\n');
    },
  },
  {
    id: 'own-ids',
    title: 'commands without an id get one each',
    async run(context) {
      const program = { script: 'true' };
      const handles = await Promise.all([1, 2, 3].map(() => start(context, { program })));
      assert.equal(new Set(handles.map((handle) => handle.id)).size, 3);
      for (const { id } of handles) assert.match(id, /^[A-Za-z0-9_-]{1,64}$/);
    },
  },
  {
    id: 'bad-id',
    title: 'an id that could be a path or an option is invalid',
    async run(context) {
      const program = { script: 'true' };
      for (const id of ['', 'a/b', '..', 'a b', 'x'.repeat(65), 'a\nb', 'ü']) {
        await refused('invalid', context.box.spawn({ program, id }), `id ${JSON.stringify(id)}`);
      }
    },
  },
  {
    id: 'start-failures',
    title: 'what cannot start is an error of spawn, not of the command',
    async run(context) {
      const missing = context.unique('missing');
      const program = { script: 'true' };
      await refused('not-found', context.box.spawn({ program, cwd: missing }), 'a missing cwd');
      await refused('invalid', context.box.spawn({ program, cwd: '../..' }), 'a cwd outside');
      await refused(
        'not-found',
        context.box.spawn({ program: { argv: ['no-such-program-anywhere'] } }),
        'a missing program',
      );
    },
  },
  {
    id: 'run-limit',
    title: 'a run limit ends a spawned command and all it started',
    async run(context) {
      const program = { script: 'echo begun; sleep 600 & sleep 600' };
      const started = await start(context, { program, runLimitMs: 1000 });
      const status = await started.exited({ deadlineMs: context.waitMs });
      assert.equal(status.endedBy, 'run-limit');
      const seen = await collect(started);
      assert.deepEqual([textOf(seen.stdout), seen.complete], ['begun\n', true]);
    },
  },
  {
    id: 'forget-running',
    title: 'a command that still runs is not forgotten',
    async run(context) {
      const started = await start(context, { program: { script: 'read go; echo went' }, stdin: 'open' });
      await refused('conflict', started.forget({ deadlineMs: context.waitMs }));
      await started.write(bytesOf('go\n'));
      assert.equal(textOf((await collect(started)).stdout), 'went\n');
    },
  },
  {
    id: 'forget-ended',
    title: 'an ended command is forgotten once, and nothing is known of it afterwards',
    async run(context) {
      const deadlineMs = context.waitMs;
      const started = await start(context, { program: { script: 'echo out' } });
      await started.exited({ deadlineMs });
      await collect(started);
      await started.forget({ deadlineMs });
      const { attach } = context.box.capabilities;
      if (attach.available) await refused('not-found', attach.use.attach(started.id, { deadlineMs }));
    },
  },
  {
    id: 'beside-exec',
    title: 'a running command leaves room for others',
    async run(context) {
      const held = await start(context, { program: { script: 'read go; echo held' }, stdin: 'open' });
      const other = await start(context, { program: { script: 'echo other' } });
      assert.equal(textOf((await collect(other)).stdout), 'other\n');
      await held.write(bytesOf('go\n'));
      assert.equal(textOf((await collect(held)).stdout), 'held\n');
    },
  },
]);
