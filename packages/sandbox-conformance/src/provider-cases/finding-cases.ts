// Finding boxes again: by another process, after parking, with an older epoch, when they are gone.
import assert from 'node:assert/strict';
import { SandboxError } from '@boxyard/sandbox-core';
import { bytesOf, refused, textOf } from '../case/case-steps.ts';
import type { ProviderCase } from '../case/provider-case.ts';

import { create, listed, resume, says, storedForm, tagOf } from '../case/provider-steps.ts';

export const FINDING_CASES: readonly ProviderCase[] = [
  {
    id: 'resume',
    title: 'another instance finds a box by the stored form of its ref, with its files',
    sdk: [63],
    async run(context) {
      const box = await create(context);
      await box.files.write('kept/file', bytesOf('exact'), { createParents: true });
      await box.close();
      const again = await resume(context, storedForm(box.ref), 1, context.subject.again());
      assert.equal(textOf(await again.files.read('kept/file')), 'exact');
      assert.equal(await says(again, 'cat kept/file'), 'exact');
      assert.equal(again.workspaceRoot, box.workspaceRoot);
      assert.deepEqual(storedForm(again.ref), storedForm(box.ref));
    },
  },
  {
    id: 'resume-command',
    title: 'a command that was started before is found again with its output and its stdin',
    async run(context) {
      const box = await create(context);
      if (!box.capabilities.attach.available) return assert.ok(box.capabilities.attach.reason.length > 0);
      const program = { script: 'echo before; read go; echo "after $go"' };
      const started = await box.spawn({ program, stdin: 'open' }, { deadlineMs: context.waitMs });
      await box.close();
      const again = await resume(context, storedForm(box.ref), 1, context.subject.again());
      const { attach } = again.capabilities;
      assert.ok(attach.available, 'the resumed box lacks attach');
      const found = await attach.use.attach(started.id, { deadlineMs: context.waitMs });
      await found.write(bytesOf('on\n'));
      await found.exited({ deadlineMs: context.waitMs });
      let text = '';
      for await (const event of found.output()) if (event.kind === 'chunk') text += textOf(event.bytes);
      assert.equal(text, 'before\nafter on\n');
      await found.forget({ deadlineMs: context.waitMs });
    },
  },
  {
    id: 'environment',
    title: 'the environment is there in every command, after a resume too, and that of the host is not',
    sdk: [12],
    async run(context) {
      process.env.CONFORMANCE_HOST_SECRET = 'must-not-be-seen';
      context.defer(async () => void delete process.env.CONFORMANCE_HOST_SECRET);
      const environment = { PINNED: `it's "pinned"\n$HOME` };
      const box = await create(context, tagOf(context), environment);
      const script = 'printf %s "$PINNED$CONFORMANCE_HOST_SECRET"';
      assert.equal(await says(box, script), environment.PINNED);
      const options = { epoch: 1, environment, deadlineMs: context.waitMs };
      const again = await context.subject.again().resume(storedForm(box.ref), options);
      context.defer(() => again.close());
      assert.equal(await says(again, script), environment.PINNED);
      const own = await again.exec({ program: { script }, env: { PINNED: 'own' } });
      assert.equal(textOf(own.stdout), 'own', 'a request cannot set a variable for itself');
    },
  },
  {
    id: 'resume-never-creates',
    title: 'resume of a box that never was, or was destroyed, is gone and makes nothing',
    sdk: [65],
    async run(context) {
      const box = await create(context);
      await context.provider.destroy(box.ref, { deadlineMs: context.waitMs });
      for (let attempt = 0; attempt < 2; attempt++) {
        const error = await refused('gone', resume(context, storedForm(box.ref)));
        assert.equal(context.provider.isGone(error), true, 'isGone does not recognise it');
      }
      if (context.provider.listing.available) {
        const refs = (await listed(context)).map((one) => one.ref.instance);
        assert.ok(!refs.includes(box.ref.instance), 'the destroyed box is listed');
      }
    },
  },
  {
    id: 'lost',
    title: 'a box that was lost behind the provider is gone on resume, and destroying it is no error',
    sdk: [65],
    async run(context) {
      const box = await create(context);
      await context.subject.lose(box.ref.instance);
      const error = await refused('gone', resume(context, storedForm(box.ref), 1, context.subject.again()));
      assert.equal(context.provider.isGone(error), true);
      await context.provider.destroy(box.ref, { deadlineMs: context.waitMs });
    },
  },
  {
    id: 'park',
    title: 'parking ends what runs and keeps every file for the next resume',
    needs: 'parking',
    async run(context) {
      const { parking } = context.provider;
      if (!parking.available) return assert.fail(parking.reason);
      const box = await create(context);
      await box.files.write('kept/file', bytesOf('exact'), { createParents: true, mode: 0o755 });
      const started = await box.spawn({ program: { script: 'sleep 600' } });
      await parking.use.park(box.ref, { deadlineMs: context.waitMs });
      await parking.use.park(box.ref, { deadlineMs: context.waitMs });
      const again = await resume(context, storedForm(box.ref), 1, context.subject.again());
      assert.equal(textOf(await again.files.read('kept/file')), 'exact');
      assert.equal((await again.files.stat('kept/file'))?.mode, 0o755);
      assert.equal(await says(again, 'echo back'), 'back\n');
      const { attach } = again.capabilities;
      if (!attach.available) return;
      // Its record may be gone with the parking; a command that still runs may not be there.
      const found = await attach.use
        .attach(started.id, { deadlineMs: context.waitMs })
        .catch((error: unknown) => error);
      if (found instanceof Error) assert.ok(SandboxError.hasCode(found, 'not-found'), String(found));
      else
        assert.notEqual((await (found as typeof started).exited({ deadlineMs: context.waitMs })).exitCode, 0);
    },
  },
  {
    id: 'park-gone',
    title: 'parking a box that was destroyed is gone',
    needs: 'parking',
    async run(context) {
      const { parking } = context.provider;
      if (!parking.available) return assert.fail(parking.reason);
      const box = await create(context);
      await context.provider.destroy(box.ref, { deadlineMs: context.waitMs });
      await refused('gone', parking.use.park(box.ref, { deadlineMs: context.waitMs }));
    },
  },
  {
    id: 'fence',
    title: 'a handle of an older epoch changes nothing once a newer one has been opened',
    async run(context) {
      const old = await create(context, tagOf(context, 3));
      assert.equal(await says(old, 'echo works'), 'works\n');
      const current = await resume(context, storedForm(old.ref), 5, context.subject.again());
      assert.equal(current.epoch, 5);
      // The newer handle has to do something: a fence may be set only then.
      assert.equal(await says(current, 'echo newer'), 'newer\n');
      await refused('fenced', old.exec({ program: { script: 'echo x > by-the-old-one' } }), 'exec');
      await refused('fenced', old.spawn({ program: { script: 'echo x > by-the-old-one' } }), 'spawn');
      await refused('fenced', old.files.write('by-the-old-one', bytesOf('x')), 'files.write');
      assert.equal(await current.files.stat('by-the-old-one'), null);
      assert.equal(await says(current, 'echo still'), 'still\n');
    },
  },
  {
    id: 'fence-resume',
    title: 'a resume with an older epoch is fenced, at once or at its first command',
    async run(context) {
      const box = await create(context, tagOf(context, 5));
      assert.equal(await says(box, 'echo works'), 'works\n');
      const late = resume(context, storedForm(box.ref), 4, context.subject.again());
      await refused(
        'fenced',
        late.then((old) => old.exec({ program: { script: 'echo x > stale' } })),
      );
      assert.equal(await box.files.stat('stale'), null);
      assert.equal(await says(box, 'echo still'), 'still\n');
    },
  },
  {
    id: 'is-gone',
    title: 'only an error that proves the absence of the box counts as gone',
    async run({ provider, subject }) {
      const gone = new SandboxError('gone', 'The box does not exist any more; create another.');
      assert.equal(provider.isGone(gone), true);
      const others: readonly unknown[] = [
        new SandboxError('unreachable', 'No answer; try again.'),
        new SandboxError('not-found', 'The file does not exist; list its folder.'),
        new SandboxError('timeout', 'The box was not found in time; wait longer.'),
        new SandboxError('outcome-unknown', 'It may have happened; look at it.'),
        new Error('the box is already running'),
        new Error('the name already exists'),
        new Error('something else'),
        'text',
        null,
        undefined,
        {},
      ];
      for (const error of others)
        assert.equal(provider.isGone(error), false, `${String(error)} counts as gone`);
      for (const { what, error, gone: expected } of subject.goneTable ?? []) {
        assert.equal(provider.isGone(error), expected, what);
      }
    },
  },
  {
    id: 'foreign-ref',
    title: 'the ref of another provider is refused and touches nothing',
    sdk: [64],
    async run(context) {
      const box = await create(context);
      const foreign = { ...storedForm(box.ref), provider: 'another-provider' };
      await refused(['invalid', 'configuration', 'gone'], resume(context, foreign));
      await context.provider.destroy(foreign, { deadlineMs: context.waitMs }).catch((error: unknown) => {
        assert.ok(SandboxError.isInstance(error), `destroy failed with ${String(error)}`);
      });
      assert.equal(await says(box, 'echo alive'), 'alive\n');
    },
  },
  {
    id: 'hostile-ref',
    title: 'a ref whose id is a path leads to no other box and no other folder',
    async run(context) {
      const box = await create(context);
      for (const instance of ['..', '../..', `../${box.ref.instance}`, '/etc', '', 'a\0b']) {
        const hostile = { ...storedForm(box.ref), instance };
        await refused(
          ['invalid', 'gone', 'configuration'],
          resume(context, hostile),
          JSON.stringify(instance),
        );
        await context.provider.destroy(hostile, { deadlineMs: context.waitMs }).catch((error: unknown) => {
          assert.ok(SandboxError.isInstance(error), `destroy failed with ${String(error)}`);
        });
      }
      assert.equal(await says(box, 'echo alive'), 'alive\n');
    },
  },
];
