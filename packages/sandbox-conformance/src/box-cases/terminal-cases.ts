import assert from 'node:assert/strict';
import type { BoxTerminal, TerminalRequest } from '@boxyard/sandbox-core';
import { type BoxCase, type BoxCaseContext, casesOf } from '../case/box-case.ts';
import { bytesOf, eventually, prepare, refused, textOf, use } from '../case/case-steps.ts';

class Screen {
  readonly terminal: BoxTerminal;
  readonly ended: Promise<void>;
  #text = '';

  constructor(terminal: BoxTerminal) {
    this.terminal = terminal;
    this.ended = this.#read();
    // Shown by whoever waits for the end; a case that does not wait has no use for it.
    this.ended.catch(() => undefined);
  }

  get text(): string {
    return this.#text;
  }

  type(text: string): Promise<void> {
    return this.terminal.write(bytesOf(text));
  }

  shows(context: BoxCaseContext, text: string | RegExp): Promise<void> {
    const found = () => (typeof text === 'string' ? this.#text.includes(text) : text.test(this.#text));
    return eventually(context, `the terminal shows ${text}`, async () => found()).catch((error: unknown) => {
      throw new Error(`${String(error)}; it shows ${JSON.stringify(this.#text.slice(-500))}`, {
        cause: error,
      });
    });
  }

  async #read(): Promise<void> {
    for await (const bytes of this.terminal.output()) this.#text += textOf(bytes);
  }
}

async function openScreen(context: BoxCaseContext, request: Partial<TerminalRequest> = {}): Promise<Screen> {
  const size = { cols: 80, rows: 24, shell: '/bin/sh', ...request };
  const terminal = await use(context, 'terminal').open(size, { deadlineMs: context.waitMs });
  context.defer(() => terminal.close({ deadlineMs: context.waitMs }));
  return new Screen(terminal);
}

export const TERMINAL_CASES: readonly BoxCase[] = casesOf('terminal', [
  {
    id: 'tty',
    title: 'a shell in a terminal has a terminal, and its lines end with CR LF',
    sdk: [26],
    needs: 'terminal',
    async run(context) {
      const screen = await openScreen(context);
      // Split, so that the echo of what was typed is not taken for the answer.
      await screen.type(`test -t 0 && test -t 1 && echo 'is a ''tty'\n`);
      await screen.shows(context, 'is a tty\r\n');
    },
  },
  {
    id: 'interrupt',
    title: 'Ctrl-C ends what runs with 130 and leaves the shell',
    sdk: [27],
    needs: 'terminal',
    async run(context) {
      const screen = await openScreen(context);
      await screen.type(`PS1='rea''dy> '\n`);
      await screen.shows(context, 'ready> ');
      await screen.type(`sh -c 'echo run''ning; exec cat'\n`);
      await screen.shows(context, 'running\r\n');
      await screen.type('\x03');
      // A shell throws away what was typed before its prompt is back.
      // Some shells ask after a prompt where the cursor is.
      await screen.shows(context, /running.*ready> (?:\x1b\[[0-9;]*[A-Za-z])*$/s);
      await screen.type(`echo "code="$?\n`);
      await screen.shows(context, 'code=130\r\n');
    },
  },
  {
    id: 'said-plainly',
    title: 'whether there are terminals is a value, known before one is asked for',
    sdk: [28],
    async run(context) {
      const { terminal } = context.box.capabilities;
      assert.equal(typeof terminal.available, 'boolean');
      if (terminal.available) assert.equal(typeof terminal.use.open, 'function');
      else assert.ok(terminal.reason.length > 0);
    },
  },
  {
    id: 'resize',
    title: 'programs see the size it was opened with, and the new one after a resize',
    needs: 'terminal',
    async run(context) {
      const screen = await openScreen(context, { cols: 101, rows: 31 });
      await screen.type('stty size\n');
      await screen.shows(context, '31 101\r\n');
      await screen.terminal.resize(77, 22, { deadlineMs: context.waitMs });
      await screen.type('stty size\n');
      await screen.shows(context, '22 77\r\n');
    },
  },
  {
    id: 'bad-size',
    title: 'a size out of bounds is invalid',
    needs: 'terminal',
    async run(context) {
      for (const [cols, rows] of [
        [0, 24],
        [80, 0],
        [501, 24],
        [80, 301],
        [1.5, 24],
        [Number.NaN, 24],
      ] as const) {
        await refused('invalid', use(context, 'terminal').open({ cols, rows }), `open with ${cols}×${rows}`);
      }
      const screen = await openScreen(context);
      await refused('invalid', screen.terminal.resize(0, 24), 'resize');
    },
  },
  {
    id: 'environment',
    title: 'cwd and variables are as asked, and the environment of the host is not there',
    sdk: [12],
    needs: 'terminal',
    async run(context) {
      process.env.CONFORMANCE_HOST_SECRET = 'must-not-be-seen';
      context.defer(async () => void delete process.env.CONFORMANCE_HOST_SECRET);
      const folder = context.unique('cwd');
      await context.box.files.mkdir(folder);
      const screen = await openScreen(context, { cwd: folder, env: { GIVEN: 'given value' } });
      await screen.type(`echo "<$GIVEN><$CONFORMANCE_HOST_SECRET>"; pwd -P; echo sh''own\n`);
      await screen.shows(context, 'shown\r\n');
      assert.ok(screen.text.includes('<given value><>\r\n'), screen.text);
      assert.ok(screen.text.includes(`/${folder}\r\n`), screen.text);
    },
  },
  {
    id: 'refused',
    title: 'a cwd outside, a missing shell and a reserved variable are refused',
    needs: 'terminal',
    async run(context) {
      const { open } = use(context, 'terminal');
      const terminals = use(context, 'terminal');
      const ask = (request: Partial<TerminalRequest>) =>
        open.call(terminals, { cols: 80, rows: 24, ...request });
      await refused(['invalid', 'denied'], ask({ cwd: '../..' }), 'a cwd outside');
      await refused('not-found', ask({ cwd: context.unique('missing') }), 'a missing cwd');
      await refused('not-found', ask({ shell: '/no/such/shell' }), 'a missing shell');
      await refused('invalid', ask({ env: { BOXYARD_X: '1' } }), 'a reserved variable');
    },
  },
  {
    id: 'exit',
    title: 'the exit of the shell ends the output and is told with its code',
    needs: 'terminal',
    async run(context) {
      const screen = await openScreen(context);
      await screen.type('exit 7\n');
      const status = await screen.terminal.exited({ deadlineMs: context.waitMs });
      assert.deepEqual([status.exitCode, status.endedBy], [7, 'itself']);
      await screen.ended;
    },
  },
  {
    id: 'large-output',
    title: 'nothing of 20 000 lines is lost, also for a slow reader',
    needs: 'terminal',
    async run(context) {
      const terminal = await use(context, 'terminal').open({ cols: 80, rows: 24, shell: '/bin/sh' });
      context.defer(() => terminal.close({ deadlineMs: context.waitMs }));
      await terminal.write(
        bytesOf(`stty -echo; i=0; while [ $i -lt 20000 ]; do echo "line $i"; i=$((i+1)); done; exit\n`),
      );
      let text = '';
      let parts = 0;
      for await (const bytes of terminal.output()) {
        text += textOf(bytes);
        // A pause now and then, so that more is printed than is read.
        if (++parts % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
      }
      const numbers = [...text.matchAll(/line (\d+)\r\n/g)].map((match) => Number(match[1]));
      assert.equal(numbers.length, 20_000);
      assert.ok(
        numbers.every((number, index) => number === index),
        'lines are out of order',
      );
    },
  },
  {
    id: 'close',
    title: 'close ends the shell with all that it started, also what ignores the hang-up',
    needs: 'terminal',
    async run(context) {
      const screen = await openScreen(context);
      const pids = context.unique('pids');
      const root = context.box.workspaceRoot;
      await screen.type(
        `sleep 600 & echo $! > "${root}/${pids}"; nohup setsid sleep 600 >/dev/null 2>&1 & echo $! >> "${root}/${pids}"; echo rea''dy\n`,
      );
      await screen.shows(context, 'ready\r\n');
      const numbers = (await prepare(context, `cat ${pids}`)).trim().split('\n');
      assert.equal(numbers.length, 2);
      await screen.terminal.close({ deadlineMs: context.waitMs });
      await screen.terminal.close({ deadlineMs: context.waitMs });
      const checks = numbers.map(
        (pid) =>
          `kill -0 ${pid} 2>/dev/null && ! grep -qs 'State:.Z' /proc/${pid}/status && echo ${pid}; true`,
      );
      assert.equal(await prepare(context, checks.join('\n')), '', 'survivors');
      await screen.terminal.exited({ deadlineMs: context.waitMs });
      await screen.ended;
    },
  },
  {
    id: 'two',
    title: 'two terminals do not mix',
    needs: 'terminal',
    async run(context) {
      const [one, two] = await Promise.all([openScreen(context), openScreen(context)]);
      await Promise.all([one.type(`A=one; echo $A-o''nly\n`), two.type(`echo "<$A>"two-o''nly\n`)]);
      await one.shows(context, 'one-only\r\n');
      await two.shows(context, '<>two-only\r\n');
      assert.ok(!one.text.includes('two-only') && !two.text.includes('one-only'), 'one shows the other');
    },
  },
]);
