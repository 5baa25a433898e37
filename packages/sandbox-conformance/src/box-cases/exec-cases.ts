// Commands that run to their end: results, exit codes, where and with what they run.
import assert from 'node:assert/strict';
import { type BoxCase, casesOf } from '../case/box-case.ts';
import { binary, bytesOf, execute, prepare, refused, sameBytes, shell, textOf } from '../case/case-steps.ts';

// Set in this process only, so that a box that hands its host's environment on is caught.
const HOST_SECRET_NAME = 'CONFORMANCE_HOST_SECRET';

export const EXEC_CASES: readonly BoxCase[] = casesOf('exec', [
  {
    id: 'nothing',
    title: 'a command that prints nothing ends with 0 and no bytes',
    sdk: [2],
    async run(context) {
      const result = await shell(context, 'true');
      assert.equal(result.exitCode, 0);
      assert.equal(result.endedBy, 'itself');
      assert.equal(result.stdout.length + result.stderr.length, 0);
      assert.equal(result.truncated, false);
      assert.equal(result.outputComplete, true);
    },
  },
  {
    id: 'merged',
    title: 'merged output holds both channels in their true order',
    sdk: [3],
    async run(context) {
      const result = await shell(context, 'echo a; echo b >&2; echo c; echo d >&2', { output: 'merged' });
      assert.equal(textOf(result.stdout), 'a\nb\nc\nd\n');
      assert.equal(result.stderr.length, 0);
    },
  },
  {
    id: 'separate',
    title: 'stdout and stderr are kept apart, with the exit code and a duration in milliseconds',
    sdk: [4],
    async run(context) {
      const result = await shell(context, 'echo a; echo b >&2; exit 7');
      assert.equal(textOf(result.stdout), 'a\n');
      assert.equal(textOf(result.stderr), 'b\n');
      assert.equal(result.exitCode, 7);
      assert.ok(Number.isFinite(result.durationMs) && result.durationMs >= 0, 'durationMs is no duration');
    },
  },
  {
    id: 'root',
    title: 'a command starts in the workspace root, and pwd -P says the same as workspaceRoot',
    sdk: [8],
    async run(context) {
      assert.match(context.box.workspaceRoot, /^\//);
      assert.equal(await prepare(context, 'pwd -P'), `${context.box.workspaceRoot}\n`);
    },
  },
  {
    id: 'cwd',
    title: 'cwd is a folder relative to the root',
    sdk: [9],
    async run(context) {
      const folder = context.unique('sub');
      await context.box.files.mkdir(`${folder}/deep er`, { recursive: true });
      const result = await shell(context, 'pwd -P', { cwd: `${folder}/deep er` });
      assert.equal(textOf(result.stdout), `${context.box.workspaceRoot}/${folder}/deep er\n`);
      const root = await shell(context, 'pwd -P', { cwd: '' });
      assert.equal(textOf(root.stdout), `${context.box.workspaceRoot}\n`);
    },
  },
  {
    id: 'cwd-outside',
    title: 'a cwd outside the workspace is refused and nothing runs',
    sdk: [10],
    async run(context) {
      const ran = context.unique('ran');
      const program = { script: `echo > "${context.box.workspaceRoot}/${ran}"` };
      for (const cwd of ['/etc', '..', 'a/../../b', '/']) {
        const error = await refused(['invalid', 'denied'], execute(context, { program, cwd }), `cwd ${cwd}`);
        assert.equal(error.started, 'no');
      }
      assert.equal(await context.box.files.stat(ran), null, 'the command ran all the same');
    },
  },
  {
    id: 'cwd-missing',
    title: 'a missing cwd is an error, never a hang and never a result',
    sdk: [11],
    async run(context) {
      const cwd = context.unique('missing');
      const error = await refused('not-found', execute(context, { program: { script: 'echo ran' }, cwd }));
      assert.equal(error.started, 'no');
    },
  },
  {
    id: 'cwd-file',
    title: 'a cwd that is a file is an error',
    async run(context) {
      const cwd = context.unique('file');
      await context.box.files.write(cwd, bytesOf('x'));
      await refused(['invalid', 'not-found'], execute(context, { program: { script: 'echo ran' }, cwd }));
    },
  },
  {
    id: 'environment',
    title: 'variables of the request arrive byte for byte and those of the host do not',
    sdk: [12],
    async run(context) {
      process.env[HOST_SECRET_NAME] = 'must-not-be-seen';
      context.defer(async () => void delete process.env[HOST_SECRET_NAME]);
      const value = `it's "quoted" $HOME \`id\` ü\n  second line \\n`;
      const result = await shell(context, `printf %s "$GIVEN"; printf %s "$${HOST_SECRET_NAME}" >&2`, {
        env: { GIVEN: value, EMPTY: '' },
      });
      assert.equal(textOf(result.stdout), value);
      assert.equal(textOf(result.stderr), '', 'the environment of the host reached the box');
    },
  },
  {
    id: 'environment-names',
    title: 'a variable with an impossible or a reserved name, or with NUL, is invalid',
    async run(context) {
      const program = { script: 'true' };
      for (const env of [{ '1A': 'x' }, { 'A-B': 'x' }, { '': 'x' }, { 'A=B': 'x' }, { BOXYARD_OP: 'x' }]) {
        await refused('invalid', execute(context, { program, env }), `env ${Object.keys(env)[0]}`);
      }
      await refused('invalid', execute(context, { program, env: { A: 'nul \0 inside' } }), 'env with NUL');
    },
  },
  {
    id: 'environment-apart',
    title: 'what one command exports the next one does not see',
    async run(context) {
      await prepare(context, 'export LEAKED=1; cd /');
      assert.equal(await prepare(context, 'echo "$LEAKED"'), '\n');
      assert.equal(await prepare(context, 'pwd -P'), `${context.box.workspaceRoot}\n`);
    },
  },
  {
    id: 'bytes',
    title: 'UTF-8, NUL and invalid bytes come out as they are',
    sdk: [13],
    async run(context) {
      const bytes = new Uint8Array([
        0, 1, 0xff, 0xfe, 0xc3, 0x28, 13, 10, 0x1b, 0x5b, 0x41, 0xf0, 0x9f, 0x98, 0x80, 0,
      ]);
      const name = context.unique('bytes');
      await context.box.files.write(name, bytes);
      const result = await shell(context, `cat ${name}; printf 'gr\\303\\274n' >&2`);
      sameBytes(result.stdout, bytes, 'stdout');
      assert.equal(textOf(result.stderr), 'grün');
    },
  },
  {
    id: 'bounded',
    title: 'five megabytes of output are cut at maxOutputBytes and say so',
    sdk: [14],
    async run(context) {
      const name = context.unique('large');
      const content = binary(5_000_000);
      await context.box.files.write(name, content);
      const cut = await shell(context, `cat ${name}; echo end >&2`, { maxOutputBytes: 100_000 });
      assert.equal(cut.truncated, true);
      sameBytes(cut.stdout, content.subarray(0, 100_000), 'the kept beginning');
      assert.equal(textOf(cut.stderr), 'end\n');
      assert.equal(cut.exitCode, 0);
      const whole = await shell(context, `cat ${name}`);
      assert.equal(whole.truncated, false);
      sameBytes(whole.stdout, content, 'the whole output');
    },
  },
  {
    id: 'exactly-the-limit',
    title: 'output of exactly maxOutputBytes is not called truncated',
    async run(context) {
      const exact = await shell(context, 'printf 12345', { maxOutputBytes: 5 });
      assert.deepEqual([textOf(exact.stdout), exact.truncated], ['12345', false]);
      const over = await shell(context, 'printf 123456', { maxOutputBytes: 5 });
      assert.deepEqual([textOf(over.stdout), over.truncated], ['12345', true]);
    },
  },
  {
    id: 'five-at-once',
    title: 'five commands run at the same time',
    sdk: [15],
    async run(context) {
      // Each waits for its neighbour's sign, so they end only if all of them run together.
      const sign = context.unique('sign');
      const ring = [0, 1, 2, 3, 4].map((index) =>
        shell(
          context,
          `echo > ${sign}.${index}; until test -e ${sign}.${(index + 1) % 5}; do sleep 0.02; done; echo ${index}`,
        ),
      );
      const results = await Promise.all(ring);
      assert.deepEqual(
        results.map((result) => textOf(result.stdout)),
        ['0\n', '1\n', '2\n', '3\n', '4\n'],
      );
    },
  },
  {
    id: 'one-user',
    title: 'every command and every file belongs to one and the same user of the box',
    sdk: [16],
    facts: ['kernel'],
    async run(context) {
      const name = context.unique('owned');
      await context.box.files.write(name, bytesOf('x'));
      const [user, owner] = (await prepare(context, `id -u; stat -c %u ${name}`)).trim().split('\n');
      assert.equal(owner, user);
    },
  },
  {
    id: 'login',
    title: 'the named shell runs the script, and only login reads the profile',
    sdk: [17],
    async run(context) {
      const home = context.unique('home');
      await context.box.files.write(`${home}/.profile`, bytesOf('FROM_PROFILE=yes\n'), {
        createParents: true,
      });
      const env = { HOME: `${context.box.workspaceRoot}/${home}` };
      const script = 'printf %s "$FROM_PROFILE"';
      const plain = await execute(context, { program: { script, shell: '/bin/sh', login: false }, env });
      assert.equal(textOf(plain.stdout), '');
      const login = await execute(context, { program: { script, shell: '/bin/sh', login: true }, env });
      assert.equal(textOf(login.stdout), 'yes');
    },
  },
  {
    id: 'shell-missing',
    title: 'a shell that does not exist is not-found',
    async run(context) {
      const program = { script: 'echo ran', shell: '/no/such/shell' };
      const error = await refused('not-found', execute(context, { program }));
      assert.equal(error.started, 'no');
    },
  },
  {
    id: 'program-missing',
    title: 'a program that does not exist is not-found',
    async run(context) {
      const argv = ['no-such-program-anywhere', 'x'] as const;
      const error = await refused('not-found', execute(context, { program: { argv } }));
      assert.equal(error.started, 'no');
    },
  },
  {
    id: 'argv',
    title: 'arguments arrive as they are, however a shell would read them',
    async run(context) {
      const odd = [
        "it's",
        'two\nlines',
        '*',
        '',
        '-n',
        'ü',
        '$HOME',
        '`id`',
        '"',
        '\\',
        ' ',
        'a;b',
        '~',
        '#',
      ];
      const argv = ['sh', '-c', 'for each in "$@"; do printf "<%s>" "$each"; done', 'sh', ...odd] as const;
      const result = await execute(context, { program: { argv } });
      assert.equal(textOf(result.stdout), odd.map((each) => `<${each}>`).join(''));
    },
  },
  {
    id: 'argv-nul',
    title: 'NUL in an argument or a script is invalid',
    async run(context) {
      await refused('invalid', execute(context, { program: { argv: ['echo', 'a\0b'] } }), 'argv with NUL');
      await refused('invalid', execute(context, { program: { script: 'echo a\0b' } }), 'script with NUL');
    },
  },
  {
    id: 'long-script',
    title: 'a script of 200 KB runs',
    async run(context) {
      const line = `: ${'x'.repeat(994)}\n`;
      const result = await shell(context, `${line.repeat(200)}echo done`);
      assert.equal(textOf(result.stdout), 'done\n');
    },
  },
  ...[1, 2, 126, 127, 137, 143, 255].map((code) => ({
    id: `exit-${code}`,
    title: `exit ${code} of a script is a result`,
    async run(context: Parameters<BoxCase['run']>[0]) {
      const result = await shell(context, `echo out; exit ${code}`);
      assert.equal(result.exitCode, code);
      assert.equal(textOf(result.stdout), 'out\n');
      assert.notEqual(result.endedBy, 'run-limit');
    },
  })),
  {
    id: 'unknown-in-script',
    title: 'a script that names a missing program gets 127 and goes on',
    async run(context) {
      const result = await shell(context, 'no-such-program-anywhere; echo "code $?"');
      assert.equal(textOf(result.stdout), 'code 127\n');
      assert.ok(result.stderr.length > 0, 'the shell said nothing');
    },
  },
  {
    id: 'killed-by-signal',
    title: 'a command that a signal ends reports 128 + n',
    facts: ['kernel'],
    async run(context) {
      const result = await shell(context, 'kill -KILL $$');
      assert.equal(result.exitCode, 137);
      assert.ok(result.signal === null || result.signal === 'SIGKILL', `signal is ${result.signal}`);
    },
  },
  {
    id: 'stdin',
    title: '300 KB of any bytes go through stdin and back',
    async run(context) {
      const input = binary(300_000);
      const result = await shell(context, 'cat', { stdin: input });
      sameBytes(result.stdout, input, 'what cat gave back');
    },
  },
  {
    id: 'stdin-unread',
    title: 'a command that reads none of its 300 KB of stdin ends by itself',
    async run(context) {
      const result = await shell(context, 'echo done', { stdin: binary(300_000) });
      assert.deepEqual([textOf(result.stdout), result.exitCode], ['done\n', 0]);
    },
  },
  {
    id: 'stdin-none',
    title: 'without stdin a reader gets the end of file at once',
    async run(context) {
      assert.equal(await prepare(context, 'cat; echo end'), 'end\n');
    },
  },
  {
    id: 'run-limit',
    title: 'a run limit ends the command with a result that holds the output so far',
    async run(context) {
      const result = await shell(context, 'echo begun; sleep 600', { runLimitMs: 1000 });
      assert.equal(result.endedBy, 'run-limit');
      assert.equal(textOf(result.stdout), 'begun\n');
    },
  },
  {
    id: 'run-limit-unused',
    title: 'a run limit that is not reached changes nothing',
    async run(context) {
      const result = await shell(context, 'echo done; exit 3', { runLimitMs: context.waitMs });
      assert.deepEqual([textOf(result.stdout), result.exitCode, result.endedBy], ['done\n', 3, 'itself']);
    },
  },
  {
    id: 'run-limit-invalid',
    title: 'a run limit that is no positive number is invalid',
    async run(context) {
      for (const runLimitMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
        await refused('invalid', shell(context, 'true', { runLimitMs }), `runLimitMs ${runLimitMs}`);
      }
    },
  },
  {
    id: 'many',
    title: 'thirty commands one after the other each get their own result',
    async run(context) {
      for (let index = 0; index < 30; index++) {
        const result = await shell(context, `echo ${index}; exit ${index}`);
        assert.deepEqual([textOf(result.stdout), result.exitCode], [`${index}\n`, index]);
      }
    },
  },
]);
