import assert from 'node:assert/strict';
import { type AgentsSessionCase, command, refusedWith, reportOf } from './agents-session-case.ts';

const BANNER =
  /^Chunk ID: [0-9a-f]{6}\nWall time: \d+\.\d{4} seconds\nProcess exited with code 7\nOutput:\nhi\n$/;

export const COMMAND_CASES: readonly AgentsSessionCase[] = [
  {
    number: 1,
    title: 'a command is told as a banner with its exit code and its output',
    async run({ session }) {
      assert.match(await session.execCommand({ cmd: 'echo hi; exit 7', yieldTimeMs: 30_000 }), BANNER);
    },
  },
  {
    number: 2,
    title: 'no output is told as none',
    async run({ session }) {
      assert.match(await session.execCommand({ cmd: 'true', yieldTimeMs: 30_000 }), /Output:\n$/);
    },
  },
  {
    number: 3,
    title: 'both channels are there, in their order',
    needs: ['kernel'],
    async run(context) {
      assert.equal((await command(context, 'echo a; echo b >&2; echo c')).output, 'a\nb\nc\n');
    },
  },
  {
    number: 4,
    title: 'exec keeps both channels apart',
    needs: ['kernel'],
    async run({ session }) {
      const result = await session.exec({ cmd: 'echo a; echo b >&2; exit 3', yieldTimeMs: 30_000 });
      assert.deepEqual([result.stdout, result.stderr, result.exitCode], ['a\n', 'b\n', 3]);
      assert.equal(typeof result.wallTimeSeconds, 'number');
      assert.equal(result.sessionId, undefined);
    },
  },
  {
    number: 5,
    title: 'output over the budget keeps its head and its tail and tells its size',
    needs: ['kernel'],
    async run(context) {
      const report = await command(context, 'seq 1 1000', 50);
      // A token is taken for four bytes, rounded up.
      assert.equal(report.originalTokenCount, 974);
      assert.ok(Buffer.byteLength(report.output) <= 200, `${Buffer.byteLength(report.output)} bytes`);
      assert.match(report.output, /\n1\n2\n[\s\S]*tokens truncated[\s\S]*\n999\n1000\n$/);
    },
  },
  {
    number: 6,
    title: 'a budget of nothing gives nothing but the size',
    async run(context) {
      const report = await command(context, 'echo something I could say', 0);
      assert.equal(report.output, '');
      // 22 bytes, four to a token.
      assert.equal(report.originalTokenCount, 6);
    },
  },
  {
    number: 7,
    title: 'short output under a budget is untouched',
    async run(context) {
      const report = await command(context, 'echo short', 100);
      assert.equal(report.output, 'short\n');
      assert.equal(report.originalTokenCount, null);
    },
  },
  {
    number: 9,
    title: 'a workdir is taken relative and absolute',
    async run(context) {
      const { session, box, unique, waitMs } = context;
      const folder = unique('folder');
      await box.files.mkdir(folder);
      await box.files.write(`${folder}/here`, new TextEncoder().encode('found'));
      for (const workdir of [folder, `${session.state.manifest.root}/${folder}`, `${folder}/../${folder}`]) {
        const said = session.execCommand({ cmd: 'cat here', workdir, yieldTimeMs: waitMs });
        assert.equal((await reportOf(said)).output, 'found', workdir);
      }
    },
  },
  {
    number: 10,
    title: 'a workdir outside is refused before anything runs, to the model in words and to code by its code',
    async run({ session, box, unique }) {
      const name = unique('never');
      const args = { cmd: `echo x > ${box.workspaceRoot}/${name}`, workdir: '/etc' };
      await refusedWith(['invalid_manifest_path'], () => session.exec(args));
      const report = await reportOf(session.execCommand(args));
      assert.equal(report.exitCode, 1);
      assert.match(report.output, /^exec_command failed: .*escapes the workspace root/);
      assert.equal(await box.files.stat(name), null);
    },
  },
  {
    number: 11,
    title: 'a missing workdir is told, with that nothing was run',
    async run({ session, unique }) {
      const report = await reportOf(session.execCommand({ cmd: 'true', workdir: unique('missing') }));
      assert.equal(report.exitCode, 1);
      assert.match(report.output, /not-found\. Nothing was run\./);
    },
  },
  {
    number: 13,
    title: 'bytes that are no text do not break the banner',
    needs: ['kernel'],
    async run(context) {
      const report = await command(context, "printf 'a\\0\\377\\303\\274z\\n'");
      assert.equal(report.exitCode, 0);
      assert.equal(report.output, 'a\0\uFFFDüz\n');
    },
  },
  {
    number: 14,
    title: 'a flood of output stays bounded and says that it is cut',
    needs: ['kernel'],
    async run(context) {
      const { output } = await command(
        context,
        'i=0; while [ $i -lt 160 ]; do printf "%32768d" $i; i=$((i+1)); done',
      );
      assert.match(output, /^\[\.\.\.\d+ characters truncated from process output\.\.\.\]\n/);
      assert.ok(output.length <= 1024 * 1024 + 100, `${output.length} characters`);
      assert.match(output, /159$/);
    },
  },
  {
    number: 16,
    title: 'another user is refused and not ignored',
    async run({ session }) {
      await refusedWith(['unsupported_feature'], () => session.exec({ cmd: 'true', runAs: 'nobody' }));
      await refusedWith(['unsupported_feature'], () => session.readFile({ path: 'x', runAs: 'nobody' }));
      await refusedWith(['unsupported_feature'], () => session.createEditor('nobody'));
      const report = await reportOf(session.execCommand({ cmd: 'true', runAs: 'nobody' }));
      assert.match(report.output, /^exec_command failed: .*one user/);
    },
  },
  {
    number: 17,
    title: 'shell and login are honoured',
    needs: ['kernel'],
    async run(context) {
      const { session, waitMs } = context;
      const ask = async (args: { shell?: string; login?: boolean }) =>
        reportOf(session.execCommand({ cmd: 'echo "$0"', yieldTimeMs: waitMs, ...args }));
      assert.match((await ask({ shell: '/bin/sh', login: false })).output, /sh\n$/);
      assert.equal((await ask({ login: true })).exitCode, 0);
      const missing = await ask({ shell: '/no/such/shell' });
      assert.notEqual(missing.exitCode, 0);
    },
  },
  {
    number: 28,
    title: 'whether there are terminals is one answer for the list of tools and for tty',
    async run({ session, box }) {
      assert.equal(session.supportsPty(), box.capabilities.terminal.available);
      if (session.supportsPty()) return;
      await refusedWith(['unsupported_feature'], () => session.exec({ cmd: 'true', tty: true }));
    },
  },
];
