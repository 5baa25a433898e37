import assert from 'node:assert/strict';
import { type AgentsSessionCase, command, pollUntil, reportOf } from './agents-session-case.ts';

const CTRL_C = '\u0003';

export const PROCESS_CASES: readonly AgentsSessionCase[] = [
  {
    number: 18,
    title: 'a command that takes longer is told as running, with what it said so far',
    needs: ['kernel'],
    async run(context) {
      const first = await reportOf(
        context.session.execCommand({ cmd: 'echo a; read x; echo b', yieldTimeMs: 300 }),
      );
      assert.ok(first.sessionId !== null && first.sessionId > 0);
      assert.equal(first.exitCode, null);
      const answer = context.session.writeStdin({
        sessionId: first.sessionId,
        chars: '\n',
        yieldTimeMs: context.waitMs,
      });
      const last = await reportOf(answer);
      assert.equal(first.output + last.output, 'a\nb\n');
      assert.equal(last.exitCode, 0);
    },
  },
  {
    number: 20,
    title: 'what has been told to its end is not there any more',
    needs: ['kernel'],
    async run(context) {
      const { session, waitMs } = context;
      const { sessionId } = await reportOf(session.execCommand({ cmd: 'read x; exit 4', yieldTimeMs: 0 }));
      assert.ok(sessionId !== null);
      const ended = await reportOf(session.writeStdin({ sessionId, chars: '\n', yieldTimeMs: waitMs }));
      assert.equal(ended.exitCode, 4);
      const again = await reportOf(session.writeStdin({ sessionId }));
      assert.equal(again.exitCode, 1);
      assert.equal(again.output, `write_stdin failed: session not found: ${sessionId}\n`);
    },
  },
  {
    number: 21,
    title: 'an unknown number is told and not thrown',
    async run({ session }) {
      const report = await reportOf(session.writeStdin({ sessionId: 999_999, chars: 'x' }));
      assert.equal(report.exitCode, 1);
      assert.equal(report.output, 'write_stdin failed: session not found: 999999\n');
    },
  },
  {
    number: 22,
    title: 'what is written reaches a command without a terminal',
    needs: ['kernel'],
    async run({ session, waitMs }) {
      const { sessionId } = await reportOf(
        session.execCommand({ cmd: 'read x; echo got:$x', yieldTimeMs: 0 }),
      );
      assert.ok(sessionId !== null);
      const report = await reportOf(session.writeStdin({ sessionId, chars: 'abc\n', yieldTimeMs: waitMs }));
      assert.equal(report.output, 'got:abc\n');
    },
  },
  {
    number: 23,
    title: 'no patience is an answer at once',
    needs: ['kernel'],
    async run(context) {
      const { session } = context;
      const { sessionId } = await reportOf(session.execCommand({ cmd: 'read x', yieldTimeMs: 0 }));
      assert.ok(sessionId !== null, 'the command was waited for');
      const poll = await reportOf(session.writeStdin({ sessionId, yieldTimeMs: 0 }));
      assert.equal(poll.sessionId, sessionId);
      await session.writeStdin({ sessionId, chars: '\n', yieldTimeMs: context.waitMs });
    },
  },
  {
    number: 24,
    title: 'Ctrl-C ends a command without a terminal inside the box',
    needs: ['kernel'],
    async run(context) {
      const { session, waitMs } = context;
      const cmd = 'echo up; exec sleep 600';
      const { sessionId, output } = await reportOf(session.execCommand({ cmd, yieldTimeMs: 50 }));
      assert.ok(sessionId !== null);
      // What has not begun to run its own program cannot be interrupted.
      if (output === '') await pollUntil(context, sessionId, (text) => text.includes('up'));
      const report = await reportOf(session.writeStdin({ sessionId, chars: CTRL_C, yieldTimeMs: waitMs }));
      assert.notEqual(report.exitCode, null);
      assert.notEqual(report.exitCode, 0);
    },
  },
  {
    number: 25,
    title: 'output in pieces is neither lost nor repeated, also within a character',
    needs: ['kernel'],
    async run(context) {
      const script = "i=1; while [ $i -le 300 ]; do printf '%d\\303' $i; printf '\\274\\n'; i=$((i+1)); done";
      const first = await reportOf(context.session.execCommand({ cmd: script, yieldTimeMs: 0 }));
      let text = first.output;
      if (first.sessionId !== null) text += (await pollUntil(context, first.sessionId, () => false)).text;
      assert.equal(text, Array.from({ length: 300 }, (_, index) => `${index + 1}ü\n`).join(''));
    },
  },
  {
    title: 'numbers are not given twice',
    needs: ['kernel'],
    async run({ session, waitMs }) {
      const numbers: number[] = [];
      for (let round = 0; round < 3; round++) {
        const { sessionId } = await reportOf(session.execCommand({ cmd: 'read x', yieldTimeMs: 0 }));
        assert.ok(sessionId !== null);
        numbers.push(sessionId);
        await session.writeStdin({ sessionId, chars: '\n', yieldTimeMs: waitMs });
      }
      assert.equal(new Set(numbers).size, 3);
      assert.equal(session.state.nextCommand, Math.max(...numbers) + 1);
    },
  },
  {
    number: 26,
    title: 'a terminal is a terminal, and shows nothing of how it began',
    needs: ['kernel', 'terminal'],
    async run({ session, waitMs }) {
      const cmd = "test -t 0 && test -t 1 && echo 'a  terminal'";
      const report = await reportOf(session.execCommand({ cmd, tty: true, yieldTimeMs: waitMs }));
      assert.equal(report.output, 'a  terminal\r\n');
      assert.equal(report.exitCode, 0);
      const hidden = await reportOf(
        session.execCommand({ cmd: 'env | grep -c AGENTS_COMMAND', tty: true, yieldTimeMs: waitMs }),
      );
      assert.equal(hidden.output, '0\r\n');
    },
  },
  {
    number: 27,
    title: 'Ctrl-C in a terminal ends what runs with 130',
    needs: ['kernel', 'terminal'],
    async run(context) {
      const { session, waitMs } = context;
      const { sessionId } = await reportOf(session.execCommand({ cmd: 'cat', tty: true, yieldTimeMs: 0 }));
      assert.ok(sessionId !== null);
      const typed = await reportOf(session.writeStdin({ sessionId, chars: 'hello\n', yieldTimeMs: 0 }));
      const greetings = (said: string) => (typed.output + said).split('hello').length - 1;
      const { text } = await pollUntil(context, sessionId, (said) => greetings(said) === 2);
      assert.equal(greetings(text), 2, `the echo and the answer: ${JSON.stringify(text)}`);
      const report = await reportOf(session.writeStdin({ sessionId, chars: CTRL_C, yieldTimeMs: waitMs }));
      assert.equal(report.exitCode, 130);
    },
  },
  {
    number: 29,
    title: 'stop ends every command, also what holds its output open, and the session goes on',
    needs: ['kernel'],
    ownSession: true,
    async run(context) {
      const { session, box, unique, waitMs } = context;
      const pids = unique('pids');
      const cmd = `echo $$ > ${pids}; sleep 600 & echo $! >> ${pids}; wait`;
      const { sessionId } = await reportOf(session.execCommand({ cmd, yieldTimeMs: 0 }));
      assert.ok(sessionId !== null);
      const end = performance.now() + waitMs;
      const both = async () =>
        (await box.exec({ program: { argv: ['cat', pids] } })).stdout.filter((byte) => byte === 10);
      while ((await both()).length < 2) assert.ok(performance.now() < end, 'the command did not begin');
      await session.stop();
      // A process that has ended and is not waited for is none.
      const look = `for p in $(cat ${pids}); do [ -e /proc/$p/stat ] && ! grep -q ') [ZX] ' /proc/$p/stat && echo alive; done; true`;
      const alive = await command(context, look);
      assert.doesNotMatch(alive.output, /alive/);
      assert.match((await reportOf(session.writeStdin({ sessionId }))).output, /session not found/);
    },
  },
];
