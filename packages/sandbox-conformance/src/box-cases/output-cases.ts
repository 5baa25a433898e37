// What a command prints: byte-exact, from any cursor, for any number of readers.
import assert from 'node:assert/strict';
import { OUTPUT_START } from '@boxyard/sandbox-core';
import { type BoxCase, casesOf } from '../case/box-case.ts';
import { binary, bytesOf, collect, sameBytes, shell, start, textOf } from '../case/case-steps.ts';

export const OUTPUT_CASES: readonly BoxCase[] = casesOf('output', [
  {
    id: 'dev-stdout',
    title: 'writing to /dev/stdout and /dev/stderr loses nothing that was printed before',
    async run(context) {
      const script = 'echo a; echo b > /dev/stdout; echo c; echo d >&2; echo e > /dev/stderr; echo f >&2';
      const result = await shell(context, script);
      assert.equal(textOf(result.stdout), 'a\nb\nc\n');
      assert.equal(textOf(result.stderr), 'd\ne\nf\n');
    },
  },
  {
    id: 'pipe-ends',
    title: 'yes | head ends: a closed pipe ends the writer',
    facts: ['kernel'],
    async run(context) {
      const result = await shell(context, 'yes | head -n 3');
      assert.deepEqual([textOf(result.stdout), result.exitCode], ['y\ny\ny\n', 0]);
    },
  },
  {
    id: 'cursor',
    title: 'a reader that comes back with its cursor misses nothing and sees nothing twice',
    sdk: [25],
    async run(context) {
      const script =
        'echo begun; read go; for each in 1 2 3 4 5 6 7 8 9; do echo "line $each"; echo "err $each" >&2; done';
      const started = await start(context, { program: { script }, stdin: 'open' });
      const first = await collect(started, { until: (stdout) => stdout.includes('begun\n') });
      await started.write(bytesOf('go\n'));
      const part = await collect(started, { from: first.next, until: (stdout) => stdout.includes('line 3') });
      const stored: unknown = JSON.parse(JSON.stringify(part.next));
      const rest = await collect(started, { from: stored as typeof part.next });
      const lines = [1, 2, 3, 4, 5, 6, 7, 8, 9];
      const whole = await collect(started, { from: OUTPUT_START });
      assert.equal(textOf(whole.stdout), `begun\n${lines.map((line) => `line ${line}\n`).join('')}`);
      assert.equal(textOf(whole.stderr), lines.map((line) => `err ${line}\n`).join(''));
      const joined = [first, part, rest].map((each) => textOf(each.stdout)).join('');
      assert.equal(joined, textOf(whole.stdout));
    },
  },
  {
    id: 'readers',
    title: 'three readers at the same time each see everything',
    async run(context) {
      const started = await start(context, { program: { script: 'read go; cat' }, stdin: 'open' });
      const readers = [collect(started), collect(started), collect(started, { from: OUTPUT_START })];
      const content = binary(100_000);
      await started.write(bytesOf('go\n'));
      await started.write(content);
      await started.closeStdin();
      for (const seen of await Promise.all(readers)) sameBytes(seen.stdout, content, 'one of three readers');
    },
  },
  {
    id: 'after-exit',
    title: 'output can be read again after the command has ended',
    async run(context) {
      const started = await start(context, { program: { script: 'echo out; echo err >&2' } });
      await started.exited({ deadlineMs: context.waitMs });
      for (const attempt of ['first', 'second']) {
        const seen = await collect(started);
        assert.deepEqual(
          [textOf(seen.stdout), textOf(seen.stderr), seen.complete],
          ['out\n', 'err\n', true],
          attempt,
        );
      }
    },
  },
  {
    id: 'live',
    title: 'output is readable while the command runs',
    async run(context) {
      const started = await start(context, {
        program: { script: 'echo early; read go; echo late' },
        stdin: 'open',
      });
      const early = await collect(started, { until: (stdout) => stdout.includes('early\n') });
      assert.equal(early.complete, null, 'the command ended before it was told to');
      await started.write(bytesOf('go\n'));
      assert.equal(textOf((await collect(started, { from: early.next })).stdout), 'late\n');
    },
  },
  {
    id: 'reader-stops',
    title: 'a reader that is aborted stops, and the command and the other readers go on',
    async run(context) {
      const started = await start(context, {
        program: { script: 'echo one; read go; echo two' },
        stdin: 'open',
      });
      const stop = new AbortController();
      const seen: string[] = [];
      try {
        for await (const event of started.output({ signal: stop.signal })) {
          if (event.kind === 'chunk') seen.push(textOf(event.bytes));
          stop.abort();
        }
      } catch (error) {
        // An abort may end the iteration silently or as `cancelled`; both stop it.
        assert.equal((error as { code?: string }).code, 'cancelled', String(error));
      }
      assert.equal(seen.join(''), 'one\n');
      await started.write(bytesOf('go\n'));
      assert.equal(textOf((await collect(started)).stdout), 'one\ntwo\n');
    },
  },
  {
    id: 'merged-spawn',
    title: 'a merged command prints both channels in order as stdout',
    async run(context) {
      const script = 'echo 1; echo 2 >&2; echo 3; echo 4 >&2';
      const seen = await collect(await start(context, { program: { script }, output: 'merged' }));
      assert.deepEqual([textOf(seen.stdout), textOf(seen.stderr)], ['1\n2\n3\n4\n', '']);
    },
  },
  {
    id: 'orphan',
    title: 'an orphan that holds the output open does not delay the result, which says that it is incomplete',
    async run(context) {
      const started = await start(context, { program: { script: 'sleep 600 & echo main; exit 5' } });
      const status = await started.exited({ deadlineMs: context.waitMs });
      assert.equal(status.exitCode, 5);
      const seen = await collect(started);
      assert.deepEqual([textOf(seen.stdout), seen.complete], ['main\n', false]);
    },
  },
  {
    id: 'orphan-exec',
    title: 'exec answers at once when an orphan holds its output, and says that it is incomplete',
    async run(context) {
      const result = await shell(context, 'sleep 600 & echo $!');
      const orphan = textOf(result.stdout).trim();
      // What a command started in the background outlives it, so the case ends it.
      context.defer(() => shell(context, `kill -KILL ${orphan}`));
      assert.match(orphan, /^\d+$/);
      assert.deepEqual([result.exitCode, result.outputComplete], [0, false]);
    },
  },
  {
    id: 'megabytes',
    title: 'twenty megabytes stream through, every byte in place',
    async run(context) {
      const name = context.unique('stream');
      const block = binary(1_000_000);
      await context.box.files.write(name, block);
      const script = `for each in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do cat ${name}; done`;
      const started = await start(context, { program: { script } });
      let total = 0;
      for await (const event of started.output()) {
        if (event.kind === 'end') break;
        for (let at = 0; at < event.bytes.length; ) {
          const offset = (event.offset + at) % block.length;
          const length = Math.min(event.bytes.length - at, block.length - offset);
          sameBytes(
            event.bytes.subarray(at, at + length),
            block.subarray(offset, offset + length),
            'a chunk',
          );
          at += length;
        }
        total += event.bytes.length;
      }
      assert.equal(total, 20_000_000);
    },
  },
  {
    id: 'beside-flood',
    title: 'a command answers while another one floods its output',
    facts: ['kernel'],
    async run(context) {
      const flood = await start(context, {
        program: { script: 'head -c 50000000 /dev/zero; read go' },
        stdin: 'open',
      });
      let flooded = 0;
      const reading = (async () => {
        for await (const event of flood.output()) if (event.kind === 'chunk') flooded += event.bytes.length;
      })();
      for (let index = 0; index < 5; index++) {
        assert.equal(textOf((await shell(context, `echo ${index}`)).stdout), `${index}\n`);
      }
      await flood.closeStdin();
      await reading;
      assert.equal(flooded, 50_000_000);
    },
  },
]);
