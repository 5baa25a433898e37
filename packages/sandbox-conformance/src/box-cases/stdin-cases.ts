import assert from 'node:assert/strict';
import { type BoxCase, casesOf } from '../case/box-case.ts';
import { binary, bytesOf, collect, refused, sameBytes, start, textOf } from '../case/case-steps.ts';

export const STDIN_CASES: readonly BoxCase[] = casesOf('stdin', [
  {
    id: 'order',
    title: 'two hundred writes arrive in order, byte for byte',
    async run(context) {
      const started = await start(context, { program: { script: 'cat' }, stdin: 'open' });
      const lines = Array.from({ length: 200 }, (_, index) => `line ${index}\n`);
      for (const line of lines) await started.write(bytesOf(line), { deadlineMs: context.waitMs });
      await started.closeStdin({ deadlineMs: context.waitMs });
      assert.equal(textOf((await collect(started)).stdout), lines.join(''));
    },
  },
  {
    id: 'unawaited-order',
    title: 'writes that are not awaited arrive in the order of the calls',
    async run(context) {
      const started = await start(context, { program: { script: 'cat' }, stdin: 'open' });
      const lines = Array.from({ length: 20 }, (_, index) => `${index}\n`);
      await Promise.all(lines.map((line) => started.write(bytesOf(line), { deadlineMs: context.waitMs })));
      await started.closeStdin({ deadlineMs: context.waitMs });
      assert.equal(textOf((await collect(started)).stdout), lines.join(''));
    },
  },
  {
    id: 'binary',
    title: 'a write of 300 KB of any bytes arrives whole',
    async run(context) {
      const started = await start(context, { program: { script: 'cat' }, stdin: 'open' });
      const content = binary(300_000);
      await started.write(content, { deadlineMs: context.waitMs });
      await started.closeStdin({ deadlineMs: context.waitMs });
      sameBytes((await collect(started)).stdout, content, 'what cat gave back');
    },
  },
  {
    id: 'empty-write',
    title: 'a write of nothing changes nothing',
    async run(context) {
      const started = await start(context, { program: { script: 'cat; echo end' }, stdin: 'open' });
      await started.write(bytesOf('a'));
      await started.write(new Uint8Array());
      await started.write(bytesOf('b\n'));
      await started.closeStdin();
      assert.equal(textOf((await collect(started)).stdout), 'ab\nend\n');
    },
  },
  {
    id: 'close',
    title: 'closing stdin is the end of file, and closing it again is no error',
    async run(context) {
      const started = await start(context, { program: { script: 'cat; echo end' }, stdin: 'open' });
      await started.closeStdin({ deadlineMs: context.waitMs });
      await started.closeStdin({ deadlineMs: context.waitMs });
      assert.equal(textOf((await collect(started)).stdout), 'end\n');
    },
  },
  {
    id: 'at-once',
    title: 'a write right after the start is not lost',
    async run(context) {
      for (let round = 0; round < 5; round++) {
        const started = await start(context, {
          program: { script: 'read line; echo "got:$line"' },
          stdin: 'open',
        });
        await started.write(bytesOf(`${round}\n`));
        assert.equal(textOf((await collect(started)).stdout), `got:${round}\n`);
      }
    },
  },
  {
    id: 'after-end',
    title: 'a write to a command that has ended, or after closeStdin, is a conflict',
    async run(context) {
      const ended = await start(context, { program: { script: 'true' }, stdin: 'open' });
      await ended.exited({ deadlineMs: context.waitMs });
      await refused('conflict', ended.write(bytesOf('x')), 'writing to an ended command');
      const closed = await start(context, {
        program: { script: 'cat >/dev/null; read never' },
        stdin: 'open',
      });
      await closed.closeStdin();
      await refused('conflict', closed.write(bytesOf('x')), 'writing after closeStdin');
    },
  },
  {
    id: 'none',
    title: 'a command that was started without stdin refuses writes and reads an end of file',
    async run(context) {
      const started = await start(context, { program: { script: 'cat; echo end' } });
      await refused('conflict', started.write(bytesOf('x')));
      assert.equal(textOf((await collect(started)).stdout), 'end\n');
    },
  },
  {
    id: 'unread',
    title: 'a command that never reads its stdin does not hold up others, and ends when it is ended',
    async run(context) {
      const deaf = await start(context, { program: { script: 'sleep 600' }, stdin: 'open' });
      await deaf.write(binary(300_000), { deadlineMs: context.waitMs });
      const other = await start(context, { program: { script: 'read line; echo "$line"' }, stdin: 'open' });
      await other.write(bytesOf('heard\n'), { deadlineMs: context.waitMs });
      assert.equal(textOf((await collect(other)).stdout), 'heard\n');
      await deaf.kill({ graceMs: 50, deadlineMs: context.waitMs });
    },
  },
  {
    id: 'left-open',
    title: 'a command whose stdin is never closed ends by itself',
    async run(context) {
      const started = await start(context, { program: { script: 'echo done' }, stdin: 'open' });
      const status = await started.exited({ deadlineMs: context.waitMs });
      assert.equal(status.exitCode, 0);
      const seen = await collect(started);
      assert.deepEqual([textOf(seen.stdout), seen.complete], ['done\n', true]);
    },
  },
]);
