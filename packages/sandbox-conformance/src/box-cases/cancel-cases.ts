import assert from 'node:assert/strict';
import { type BoxCase, casesOf } from '../case/box-case.ts';
import {
  bytesOf,
  collect,
  eventually,
  prepare,
  readText,
  refused,
  shell,
  start,
  textOf,
} from '../case/case-steps.ts';
import { everyMethod } from '../case/every-method.ts';

export const CANCEL_CASES: readonly BoxCase[] = casesOf('cancel', [
  {
    id: 'before',
    title: 'with a signal that has aborted already, every method is cancelled and begins nothing',
    async run(context) {
      const every = await everyMethod(context);
      const signal = AbortSignal.abort();
      for (const { name, call } of every.methods) {
        const error = await refused('cancelled', call({ signal }), name);
        assert.equal(error.started, 'no', `${name} says that it had begun`);
      }
      assert.deepEqual(await every.traces(context.box), []);
      await every.process.write(bytesOf('go\n'), { deadlineMs: context.waitMs });
      assert.equal(textOf((await collect(every.process)).stdout), 'went\n');
    },
  },
  {
    id: 'exec',
    title: 'an exec that is aborted is cancelled, and its command with all its children is ended',
    async run(context) {
      const pids = context.unique('pids');
      const controller = new AbortController();
      const program = {
        script: `setsid sleep 600 & echo $! > ${pids}; echo $$ >> ${pids}; echo ready >> ${pids}; sleep 600`,
      };
      const pending = context.box.exec(
        { program },
        { signal: controller.signal, deadlineMs: context.waitMs },
      );
      pending.catch(() => {});
      await eventually(context, 'the command runs', async () => {
        if ((await context.box.files.stat(pids)) === null) return false;
        return (await readText(context, pids)).includes('ready');
      });
      controller.abort();
      await refused('cancelled', pending);
      const numbers = (await readText(context, pids)).split('\n').filter((line) => /^\d+$/.test(line));
      assert.equal(numbers.length, 2);
      const checks = numbers.map(
        (pid) =>
          `kill -0 ${pid} 2>/dev/null && ! grep -qs 'State:.Z' /proc/${pid}/status && echo ${pid}; true`,
      );
      await eventually(context, 'the command that was given up has ended', async () => {
        return textOf((await shell(context, checks.join('\n'))).stdout) === '';
      });
    },
  },
  {
    id: 'exited',
    title: 'a wait for an exit that is aborted leaves the command running',
    async run(context) {
      const started = await start(context, { program: { script: 'read go; exit 8' }, stdin: 'open' });
      const controller = new AbortController();
      const waiting = started.exited({ signal: controller.signal });
      controller.abort();
      await refused('cancelled', waiting);
      await started.write(bytesOf('go\n'));
      assert.equal((await started.exited({ deadlineMs: context.waitMs })).exitCode, 8);
    },
  },
  {
    id: 'spawn-signal-is-for-the-start',
    title: 'the signal of spawn bounds the start only: aborted later it changes nothing',
    async run(context) {
      const controller = new AbortController();
      const program = { script: 'read go; echo went' };
      const started = await context.box.spawn({ program, stdin: 'open' }, { signal: controller.signal });
      controller.abort();
      await started.write(bytesOf('go\n'), { deadlineMs: context.waitMs });
      assert.equal(textOf((await collect(started)).stdout), 'went\n');
      await started.forget({ deadlineMs: context.waitMs });
    },
  },
  {
    id: 'upload',
    title: 'a write that is aborted midway leaves the old file and no part of the new one',
    async run(context) {
      const folder = context.unique('upload');
      await context.box.files.write(`${folder}/file`, bytesOf('old'), { createParents: true });
      const controller = new AbortController();
      let pulled = 0;
      const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
        pull(to) {
          to.enqueue(new Uint8Array(64 * 1024));
          if (++pulled === 4) controller.abort();
        },
      });
      const pending = context.box.files.write(`${folder}/file`, endless, { signal: controller.signal });
      await refused('cancelled', pending);
      await eventually(context, 'no part of the upload is left', async () => {
        return (await context.box.files.list(folder)).length === 1;
      });
      assert.equal(await readText(context, `${folder}/file`), 'old');
    },
  },
  {
    id: 'reader-gone',
    title: 'a download that is left midway takes nothing with it',
    async run(context) {
      const name = context.unique('download');
      await context.box.files.write(name, new Uint8Array(2_000_000));
      const { stream } = await context.box.files.open(name, { deadlineMs: context.waitMs });
      const reader = stream.getReader();
      await reader.read();
      await reader.cancel();
      assert.equal(await prepare(context, 'echo fine'), 'fine\n');
    },
  },
  {
    id: 'then-again',
    title: 'after eight cancelled calls the box still answers',
    async run(context) {
      for (let index = 0; index < 8; index++) {
        const controller = new AbortController();
        const pending = context.box.exec({ program: { script: 'sleep 600' } }, { signal: controller.signal });
        pending.catch(() => {});
        if (index % 2 === 0) await Promise.resolve();
        controller.abort();
        await refused('cancelled', pending);
      }
      assert.equal(await prepare(context, 'echo fine'), 'fine\n');
    },
  },
]);
