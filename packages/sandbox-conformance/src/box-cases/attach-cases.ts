// Commands found again by their id: by another handle, after a close, after they have ended.
import assert from 'node:assert/strict';
import type { Box, OutputCursor } from '@boxyard/sandbox-core';
import { type BoxCase, type BoxCaseContext, casesOf } from '../case/box-case.ts';
import {
  binary,
  bytesOf,
  collect,
  eventually,
  refused,
  sameBytes,
  start,
  textOf,
  use,
} from '../case/case-steps.ts';

async function reopened(context: BoxCaseContext): Promise<Box> {
  const box = await context.subject.reopen!();
  context.defer(() => box.close());
  return box;
}

function attachOf(box: Box) {
  const { attach } = box.capabilities;
  assert.ok(attach.available, 'another handle to the same box lacks attach');
  return attach.use;
}

export const ATTACH_CASES: readonly BoxCase[] = casesOf('attach', [
  {
    id: 'unknown',
    title: 'attaching to an unknown id is not-found',
    needs: 'attach',
    async run(context) {
      await refused('not-found', use(context, 'attach').attach(context.unique('unknown')));
    },
  },
  {
    id: 'bad-id',
    title: 'an id that is a path is never looked up as one',
    needs: 'attach',
    async run(context) {
      for (const id of ['../../etc/passwd', '', '.', '*', 'a\0b']) {
        await refused(
          ['invalid', 'not-found'],
          use(context, 'attach').attach(id),
          `id ${JSON.stringify(id)}`,
        );
      }
    },
  },
  {
    id: 'list',
    title: 'the list holds running and ended commands until they are forgotten',
    needs: 'attach',
    async run(context) {
      const deadlineMs = context.waitMs;
      const running = await start(context, { program: { script: 'read go' }, stdin: 'open' });
      const ended = await start(context, { program: { script: 'true' } });
      await ended.exited({ deadlineMs });
      const before = await use(context, 'attach').list({ deadlineMs });
      assert.ok(before.includes(running.id) && before.includes(ended.id), `listed are ${before.join(', ')}`);
      await ended.forget({ deadlineMs });
      const after = await use(context, 'attach').list({ deadlineMs });
      assert.ok(after.includes(running.id) && !after.includes(ended.id), `listed are ${after.join(', ')}`);
    },
  },
  {
    id: 'exec-leaves-nothing',
    title: 'exec leaves no command in the list',
    needs: 'attach',
    async run(context) {
      const listed = () => use(context, 'attach').list();
      const before = new Set(await listed());
      await context.box.exec({ program: { script: 'echo x' } });
      // A box may gather what it forgets and do it in one go; what was there before may go meanwhile too.
      await eventually(context, 'the list has nothing new', async () =>
        (await listed()).every((id) => before.has(id)),
      );
    },
  },
  {
    id: 'same-handle',
    title: 'a second handle of one command writes, reads and ends it as the first does',
    needs: 'attach',
    async run(context) {
      const started = await start(context, {
        program: { script: 'read a; echo "got $a"; read b' },
        stdin: 'open',
      });
      const again = await use(context, 'attach').attach(started.id, { deadlineMs: context.waitMs });
      assert.equal(again.id, started.id);
      await again.write(bytesOf('hello\n'));
      const seen = await collect(started, { until: (stdout) => stdout.includes('\n') });
      assert.equal(textOf(seen.stdout), 'got hello\n');
      await again.kill({ graceMs: 50, deadlineMs: context.waitMs });
      assert.equal((await started.exited({ deadlineMs: context.waitMs })).endedBy, 'kill');
    },
  },
  {
    id: 'resume-cursor',
    title: 'another handle goes on from a stored cursor, byte for byte, with stdin still open',
    sdk: [25],
    needs: 'attach',
    facts: ['reopen'],
    async run(context) {
      const started = await start(context, { program: { script: 'cat' }, stdin: 'open' });
      const content = binary(200_000);
      await started.write(content.slice(0, 70_000), { deadlineMs: context.waitMs });
      let read = 0;
      const parts: Uint8Array[] = [];
      let cursor: OutputCursor = { stdout: 0, stderr: 0 };
      for await (const event of started.output()) {
        if (event.kind === 'end') break;
        parts.push(event.bytes);
        read += event.bytes.length;
        cursor = event.next;
        if (read >= 50_000) break;
      }
      const other = await reopened(context);
      const again = await attachOf(other).attach(started.id, { deadlineMs: context.waitMs });
      await again.write(content.slice(70_000), { deadlineMs: context.waitMs });
      await again.closeStdin({ deadlineMs: context.waitMs });
      const rest = await collect(again, { from: JSON.parse(JSON.stringify(cursor)) as OutputCursor });
      sameBytes(Buffer.concat([...parts, rest.stdout]), content, 'both parts together');
      assert.equal((await again.exited({ deadlineMs: context.waitMs })).exitCode, 0);
    },
  },
  {
    id: 'ended-alone',
    title: 'a command that ended while nobody was there tells its exit code and all its output',
    needs: 'attach',
    facts: ['reopen'],
    async run(context) {
      const first = await reopened(context);
      const program = { script: 'read go; echo out; echo err >&2; exit 11' };
      const started = await first.spawn({ program, stdin: 'open' }, { deadlineMs: context.waitMs });
      await started.write(bytesOf('go\n'), { deadlineMs: context.waitMs });
      await first.close();
      const second = await reopened(context);
      const again = await attachOf(second).attach(started.id, { deadlineMs: context.waitMs });
      const status = await again.exited({ deadlineMs: context.waitMs });
      assert.deepEqual([status.exitCode, status.endedBy], [11, 'itself']);
      const seen = await collect(again);
      assert.deepEqual([textOf(seen.stdout), textOf(seen.stderr), seen.complete], ['out\n', 'err\n', true]);
      await again.forget({ deadlineMs: context.waitMs });
    },
  },
  {
    id: 'same-id-other-handle',
    title: 'the same id started from two handles is one run',
    needs: 'attach',
    facts: ['reopen'],
    async run(context) {
      const other = await reopened(context);
      const trace = context.unique('trace');
      const request = { id: context.unique('shared'), program: { script: `echo run >> ${trace}` } };
      const [here, there] = await Promise.all([start(context, request), other.spawn(request)]);
      await Promise.all([
        here.exited({ deadlineMs: context.waitMs }),
        there.exited({ deadlineMs: context.waitMs }),
      ]);
      assert.equal(textOf(await other.files.read(trace)), 'run\n');
    },
  },
  {
    id: 'kill-from-elsewhere',
    title: 'another handle ends a command, and the first one learns of it',
    needs: 'attach',
    facts: ['reopen'],
    async run(context) {
      const started = await start(context, { program: { script: 'sleep 600' } });
      const waiting = started.exited({ deadlineMs: context.waitMs });
      const other = await reopened(context);
      const again = await attachOf(other).attach(started.id, { deadlineMs: context.waitMs });
      await again.kill({ graceMs: 50, deadlineMs: context.waitMs });
      assert.notEqual((await waiting).exitCode, 0);
    },
  },
  {
    id: 'files-shared',
    title: 'two handles see the same files',
    facts: ['reopen'],
    async run(context) {
      const other = await reopened(context);
      const name = context.unique('shared');
      await context.box.files.write(name, bytesOf('one'));
      assert.equal(textOf(await other.files.read(name)), 'one');
      await other.files.write(name, bytesOf('two'));
      assert.equal(textOf(await context.box.files.read(name)), 'two');
      assert.deepEqual(other.ref, context.box.ref);
    },
  },
]);
