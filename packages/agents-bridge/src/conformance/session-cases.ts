import assert from 'node:assert/strict';
import { deserializeManifest } from '../sdk-values.ts';
import {
  type AgentsSessionCase,
  command,
  contentOf,
  prepareFile,
  refusedWith,
  reportOf,
} from './agents-session-case.ts';

const file = (content: string) => ({ type: 'file', content }) as const;

export const SESSION_CASES: readonly AgentsSessionCase[] = [
  {
    number: 48,
    title: 'an entry becomes a file and is in the manifest; the state stays the same object',
    async run(context) {
      const { session, unique } = context;
      const path = unique('entry');
      const { state } = session;
      await session.materializeEntry({
        path,
        entry: {
          type: 'dir',
          children: { 'a.txt': file('A'), sub: { type: 'dir', children: { b: file('B') } } },
        },
      });
      assert.equal(await contentOf(context, `${path}/a.txt`), 'A');
      assert.equal(await contentOf(context, `${path}/sub/b`), 'B');
      assert.equal(session.state, state);
      assert.equal(state.manifest.entries[path]?.type, 'dir');
      assert.equal(typeof state.manifest.mountTargets, 'function');
    },
  },
  {
    number: 49,
    title: 'a manifest adds and leaves what is there',
    async run(context) {
      const { session, unique } = context;
      const [first, second] = [unique('first'), unique('second')];
      const { root } = session.state.manifest;
      await session.applyManifest(deserializeManifest({ root, entries: { [first]: file('1') } }));
      await prepareFile(context, first, 'changed by the agent');
      await session.applyManifest(
        deserializeManifest({ root, entries: { [first]: file('1'), [second]: file('2') } }),
      );
      assert.equal(await contentOf(context, first), 'changed by the agent');
      assert.equal(await contentOf(context, second), '2');
    },
  },
  {
    number: 54,
    title: 'manifests at the same time all land',
    async run(context) {
      const { session, unique } = context;
      const paths = Array.from({ length: 5 }, (_, index) => unique(`at-once-${index}`));
      const { root } = session.state.manifest;
      await Promise.all(
        paths.map((path) =>
          session.applyManifest(deserializeManifest({ root, entries: { [path]: file(path) } })),
        ),
      );
      for (const path of paths) {
        assert.ok(session.state.manifest.entries[path] !== undefined, path);
        assert.equal(await contentOf(context, path), path);
      }
    },
  },
  {
    number: 45,
    title: 'mounts, users and grants of other paths are refused and not ignored',
    async run({ session, unique }) {
      const { root } = session.state.manifest;
      const entry = { type: 's3_mount', bucket: 'b' } as const;
      await refusedWith(['unsupported_feature'], () =>
        session.materializeEntry({ path: unique('mount'), entry }),
      );
      for (const more of [{ users: [{ name: 'u' }] }, { extraPathGrants: [{ path: '/srv' }] }]) {
        await refusedWith(['unsupported_feature'], () =>
          session.applyManifest(deserializeManifest({ root, ...more })),
        );
      }
    },
  },
  {
    title: 'an entry of this machine is copied only from allowed folders',
    async run({ session, unique }) {
      for (const entry of [
        { type: 'local_file', src: '/etc/passwd' },
        { type: 'local_dir', src: '/etc' },
      ] as const) {
        await refusedWith(['local_artifact_error'], () =>
          session.materializeEntry({ path: unique('local'), entry }),
        );
      }
    },
  },
  {
    number: 56,
    title: 'what is no port is refused',
    async run({ session }) {
      for (const port of [0, 70_000, 1.5]) {
        await refusedWith(['configuration_error'], () => session.resolveExposedPort(port));
      }
    },
  },
  {
    number: 55,
    title: 'a port has an endpoint, which the state records, or says that there is none',
    async run({ session, box }) {
      if (!box.capabilities.ports.available) {
        await refusedWith(['exposed_port_unavailable'], () => session.resolveExposedPort(3000));
        return;
      }
      const endpoint = await session.resolveExposedPort(3000);
      assert.ok(endpoint.host !== '' && Number.isInteger(endpoint.port) && typeof endpoint.tls === 'boolean');
      assert.deepEqual(session.state.exposedPorts?.['3000'], endpoint);
    },
  },
  {
    number: 58,
    title: 'an archived workspace comes back as it was, without what was added',
    ownSession: true,
    async run(context) {
      const { session, box } = context;
      if (!box.capabilities.archives.available) {
        await refusedWith(['unsupported_feature'], () => session.persistWorkspace());
        return;
      }
      await box.files.write('kept', new TextEncoder().encode('kept'), { mode: 0o750 });
      await box.files.mkdir('empty');
      const archive = await session.persistWorkspace();
      await prepareFile(context, 'kept', 'changed');
      await prepareFile(context, 'extra', 'x');
      await session.hydrateWorkspace(archive);
      assert.equal(await contentOf(context, 'kept'), 'kept');
      assert.equal((await box.files.stat('kept'))?.mode, 0o750);
      assert.equal((await box.files.stat('empty'))?.kind, 'dir');
      assert.equal(await box.files.stat('extra'), null);
      await refusedWith(['archive_error'], () =>
        session.hydrateWorkspace(archive.slice(0, archive.length / 2)),
      );
      await refusedWith(['archive_error'], () =>
        session.hydrateWorkspace(archive, { archiveLimits: { maxInputBytes: 10 } }),
      );
      assert.equal(await contentOf(context, 'kept'), 'kept');
    },
  },
  {
    number: 62,
    title: 'limits that are no limits are refused',
    async run({ session }) {
      await refusedWith(['configuration_error'], () => session.setArchiveLimits({ maxMembers: -1 }));
    },
  },
  {
    number: 67,
    title: 'closing twice is fine; afterwards every call is refused, and the box goes on',
    ownSession: true,
    async run(context) {
      const { session, box } = context;
      assert.equal(await session.running(), true);
      await session.close();
      await session.close();
      assert.equal(await session.running(), false);
      const calls: readonly (() => unknown)[] = [
        () => session.exec({ cmd: 'true' }),
        () => session.execCommand({ cmd: 'true' }),
        () => session.writeStdin({ sessionId: 1 }),
        () => session.readFile({ path: 'x' }),
        () => session.listDir({ path: '' }),
        () => session.start(),
        () => session.createEditor().createFile({ type: 'create_file', path: 'x', diff: '+x' }),
      ];
      for (const call of calls) await refusedWith(['lifecycle_error'], call);
      assert.equal((await box.files.stat(''))?.kind, 'dir');
    },
  },
  {
    number: 69,
    title: 'hooks run once, before anything is stopped',
    ownSession: true,
    async run({ session }) {
      const ran: string[] = [];
      session.registerPreStopHook(() => void ran.push('first'));
      const take = session.registerPreStopHook(() => void ran.push('taken back'));
      session.registerPreStopHook(async () => void ran.push('second'));
      take();
      await session.runPreStopHooks();
      await session.preStop();
      await session.stop();
      assert.deepEqual(ran, ['first', 'second']);
    },
  },
  {
    number: 70,
    title: 'after a swap an editor and commands work in the new box, under the same root and the same state',
    needs: ['swap'],
    ownSession: true,
    async run(context) {
      const { session, swap, unique } = context;
      const { state } = session;
      const { root } = state.manifest;
      const path = unique('after');
      const editor = session.createEditor();
      const next = await swap!();
      await editor.createFile({ type: 'create_file', path, diff: '+new\n' });
      assert.equal(new TextDecoder().decode(await next.files.read(path)), 'new\n');
      assert.equal(await context.box.files.stat(path), null);
      assert.equal(session.state, state);
      assert.equal(session.state.manifest.root, root);
      assert.equal((await command(context, `cat ${path}`)).output.startsWith('new\n'), true);
      const said = reportOf(
        session.execCommand({ cmd: `cat ${path}`, workdir: root, yieldTimeMs: context.waitMs }),
      );
      assert.match((await said).output, /^new\n/);
      assert.equal(new TextDecoder().decode(await session.readFile({ path: `${root}/${path}` })), 'new\n');
      assert.deepEqual(state.box, next.ref);
    },
  },
  {
    number: 71,
    title: 'after a swap a running command is still that of its own box, and told as lost once that is gone',
    needs: ['swap', 'kernel'],
    ownSession: true,
    async run(context) {
      const { session, box, swap, lose, waitMs } = context;
      const start = () => reportOf(session.execCommand({ cmd: 'read x; echo old:$x', yieldTimeMs: 0 }));
      const [first, second] = [await start(), await start()];
      assert.ok(first.sessionId !== null && second.sessionId !== null);
      await swap!();
      const answer = session.writeStdin({ sessionId: first.sessionId, chars: 'y\n', yieldTimeMs: waitMs });
      assert.equal((await reportOf(answer)).output, 'old:y\n');
      await (lose === undefined ? box.close() : lose());
      const lost = await reportOf(session.writeStdin({ sessionId: second.sessionId, chars: 'y\n' }));
      assert.equal(lost.exitCode, 1);
      assert.match(lost.output, /session not found/);
    },
  },
];
