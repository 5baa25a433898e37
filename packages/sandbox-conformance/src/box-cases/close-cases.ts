// Letting go of a box, and boxes that are not there any more.
import assert from 'node:assert/strict';
import { type BoxCase, casesOf } from '../case/box-case.ts';
import { bytesOf, collect, discard, prepare, refused, textOf } from '../case/case-steps.ts';
import { everyMethod } from '../case/every-method.ts';

export const CLOSE_CASES: readonly BoxCase[] = casesOf('close', [
  {
    id: 'closed',
    title: 'closing twice is fine, and afterwards every method of the box and of its commands is closed',
    sdk: [67],
    facts: ['reopen'],
    needs: 'attach',
    ownBox: true,
    async run(context) {
      const every = await everyMethod(context);
      await context.box.close();
      await context.box.close();
      for (const { name, call } of every.methods) {
        const error = await refused('closed', call({ deadlineMs: context.waitMs }), name);
        assert.equal(error.started, 'no', `${name} says that it had begun`);
      }
      const other = await context.subject.reopen!();
      try {
        assert.deepEqual(await every.traces(other), []);
        const { attach } = other.capabilities;
        assert.ok(attach.available);
        await discard(context, await attach.use.attach(every.process.id));
      } finally {
        await other.close();
      }
    },
  },
  {
    id: 'answers-until-then',
    title: 'a box answers while it is open, and is closed right after',
    sdk: [68],
    ownBox: true,
    async run(context) {
      assert.equal(await prepare(context, 'echo open'), 'open\n');
      await context.box.close();
      await refused('closed', context.box.exec({ program: { script: 'true' } }));
      await refused('closed', context.box.files.read('x'));
    },
  },
  {
    id: 'await-using',
    title: 'await using closes the handle',
    sdk: [69],
    facts: ['reopen'],
    async run(context) {
      let kept: typeof context.box;
      {
        await using other = await context.subject.reopen!();
        kept = other;
        await other.files.stat('');
      }
      await refused('closed', kept.files.stat(''));
      assert.equal(await prepare(context, 'echo still open'), 'still open\n');
    },
  },
  {
    id: 'commands-go-on',
    title: 'a command goes on after the handle that started it is closed',
    needs: 'attach',
    facts: ['reopen'],
    async run(context) {
      const other = await context.subject.reopen!();
      const started = await other.spawn({ program: { script: 'read go; echo "went $go"' }, stdin: 'open' });
      await other.close();
      const { attach } = context.box.capabilities;
      assert.ok(attach.available);
      const again = await attach.use.attach(started.id, { deadlineMs: context.waitMs });
      context.defer(() => discard(context, again));
      await refused('timeout', again.exited({ deadlineMs: 50 }), 'the exit of a command that waits');
      await again.write(bytesOf('on\n'), { deadlineMs: context.waitMs });
      assert.equal(textOf((await collect(again)).stdout), 'went on\n');
    },
  },
  {
    id: 'files-stay',
    title: 'closing destroys nothing',
    facts: ['reopen'],
    async run(context) {
      const name = context.unique('stays');
      const other = await context.subject.reopen!();
      await other.files.write(name, bytesOf('here'));
      await other.close();
      assert.equal(textOf(await context.box.files.read(name)), 'here');
    },
  },
  {
    id: 'gone',
    title: 'when the box is destroyed under its handle, calls end as gone and none hangs',
    facts: ['killHost'],
    ownBox: true,
    async run(context) {
      const { box } = context;
      await box.files.write('x', bytesOf('x'));
      const started = await box.spawn({ program: { script: 'sleep 600' } });
      const waiting = started.exited({ deadlineMs: context.waitMs });
      waiting.catch(() => {});
      await context.subject.killHost!();
      const deadlineMs = context.waitMs;
      await refused('gone', box.exec({ program: { script: 'echo x' } }, { deadlineMs }), 'exec');
      await refused('gone', box.spawn({ program: { script: 'echo x' } }, { deadlineMs }), 'spawn');
      await refused('gone', box.files.read('x', { deadlineMs }), 'files.read');
      await refused('gone', box.files.write('y', bytesOf('y'), { deadlineMs }), 'files.write');
      // The command was killed with its box: either is true, a wait that never ends is not.
      await waiting.then(
        (status) => assert.notEqual(status.exitCode, 0),
        (error: { code?: string }) => assert.equal(error.code, 'gone'),
      );
    },
  },
]);
