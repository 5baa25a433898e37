// Making boxes, listing and ending them.
import assert from 'node:assert/strict';
import { bytesOf, refused, textOf } from '../case/case-steps.ts';
import type { ProviderCase } from '../case/provider-case.ts';

import { create, listed, says, storedForm, tagOf } from '../case/provider-steps.ts';

export const LIFECYCLE_CASES: readonly ProviderCase[] = [
  {
    id: 'create',
    title: 'create makes an empty box that runs commands, carries its epoch and is where it was said to be',
    async run(context) {
      const tag = tagOf(context, 7);
      const box = await create(context, tag);
      assert.equal(box.workspaceRoot, context.provider.workspaceRoot(tag.group));
      assert.deepEqual(await box.files.list(''), []);
      assert.equal(await says(box, 'echo ready'), 'ready\n');
      assert.equal(box.epoch, 7);
      assert.equal(box.ref.provider, context.provider.name);
      assert.ok(box.ref.instance.length > 0, 'the box has no id');
    },
  },
  {
    id: 'descriptor',
    title: 'the descriptor says where the workspace is and who makes the box',
    async run({ provider }) {
      assert.equal(typeof provider.descriptor.backend, 'string');
      assert.match(provider.descriptor.workspaceRoot, /^\//);
    },
  },
  {
    id: 'apart',
    title: 'two boxes share neither files nor commands',
    async run(context) {
      const [one, two] = [await create(context), await create(context)];
      assert.notEqual(one.ref.instance, two.ref.instance);
      await one.files.write('mine', bytesOf('x'));
      assert.equal(await two.files.stat('mine'), null);
      const { attach } = two.capabilities;
      const started = await one.spawn({ program: { script: 'read go' }, stdin: 'open' });
      if (attach.available) await refused('not-found', attach.use.attach(started.id));
      await started.kill({ graceMs: 0 });
    },
  },
  {
    id: 'adopt',
    title: 'a second create for the same tag answers the same box with its files',
    async run(context) {
      const tag = tagOf(context);
      const first = await create(context, tag);
      await first.files.write('kept', bytesOf('x'));
      const second = await create(context, tag);
      assert.deepEqual(second.ref, first.ref);
      assert.equal(textOf(await second.files.read('kept')), 'x');
    },
  },
  {
    id: 'adopt-at-once',
    title: 'five creates for one tag at the same time make one box, also from two instances of the provider',
    async run(context) {
      const tag = tagOf(context);
      const other = context.subject.again();
      const boxes = await Promise.all(
        [context.provider, other, context.provider, other, other].map(async (provider) => {
          const box = await provider.create({ tag, environment: {} }, { deadlineMs: context.waitMs });
          context.defer(() => context.provider.destroy(box.ref));
          context.defer(() => box.close());
          return box;
        }),
      );
      assert.equal(new Set(boxes.map((box) => box.ref.instance)).size, 1);
      await boxes[0]!.files.write('seen', bytesOf('x'));
      for (const box of boxes) assert.equal(textOf(await box.files.read('seen')), 'x');
    },
  },
  {
    id: 'secrets',
    title: 'the stored form of a ref holds nothing of the environment',
    sdk: [64],
    async run(context) {
      const secret = `secret-${context.unique('value')}`;
      const box = await create(context, tagOf(context), { TOKEN: secret });
      assert.equal(await says(box, 'printf %s "$TOKEN"'), secret);
      assert.ok(!JSON.stringify(box.ref).includes(secret), 'the ref holds the secret');
      for (const encoding of ['base64', 'hex'] as const) {
        assert.ok(
          !JSON.stringify(box.ref).includes(Buffer.from(secret).toString(encoding)),
          `the ref holds it in ${encoding}`,
        );
      }
    },
  },
  {
    id: 'destroy',
    title: 'destroy ends what runs, and destroying again is no error',
    sdk: [29],
    async run(context) {
      const box = await create(context);
      const started = await box.spawn({ program: { script: `trap '' TERM; sleep 600` } });
      const waiting = started.exited({ deadlineMs: context.waitMs }).then(
        (status) => `code ${status.exitCode !== 0}`,
        (error: { code?: string }) => error.code ?? String(error),
      );
      await context.provider.destroy(box.ref, { deadlineMs: context.waitMs });
      await context.provider.destroy(box.ref, { deadlineMs: context.waitMs });
      await context.subject.again().destroy(storedForm(box.ref), { deadlineMs: context.waitMs });
      assert.ok(
        ['code true', 'gone', 'closed'].includes(await waiting),
        `the command ended as ${await waiting}`,
      );
    },
  },
  {
    id: 'destroy-one',
    title: 'destroy takes one box and leaves the others',
    async run(context) {
      const [one, two] = [await create(context), await create(context)];
      await two.files.write('kept', bytesOf('x'));
      await context.provider.destroy(one.ref, { deadlineMs: context.waitMs });
      assert.equal(textOf(await two.files.read('kept')), 'x');
      assert.equal(await says(two, 'cat kept'), 'x');
    },
  },
  {
    id: 'recreate',
    title: 'after a destroy the same tag makes a new, empty box',
    async run(context) {
      const tag = tagOf(context);
      const first = await create(context, tag);
      await first.files.write('old', bytesOf('x'));
      await context.provider.destroy(first.ref, { deadlineMs: context.waitMs });
      const second = await create(context, tag);
      assert.deepEqual(await second.files.list(''), []);
    },
  },
  {
    id: 'list',
    title: 'the list names every box with the tag that it was made with',
    needs: 'listing',
    async run(context) {
      const tags = [tagOf(context, 3), tagOf(context, 4)];
      const boxes = [await create(context, tags[0]), await create(context, tags[1])];
      const all = await listed(context);
      for (const [index, box] of boxes.entries()) {
        const found = all.filter((one) => one.ref.instance === box.ref.instance);
        assert.equal(found.length, 1, 'a box is not listed once');
        assert.deepEqual(found[0]!.tag, tags[index]);
        assert.deepEqual(storedForm(found[0]!.ref), storedForm(box.ref), 'the listed ref is another one');
      }
    },
  },
  {
    id: 'cancelled',
    title: 'with a signal that has aborted already, every call is cancelled and makes nothing',
    async run(context) {
      const { provider } = context;
      const box = await create(context);
      const signal = AbortSignal.abort();
      const tag = tagOf(context);
      await refused('cancelled', provider.create({ tag, environment: {} }, { signal }), 'create');
      await refused('cancelled', provider.resume(box.ref, { epoch: 1, environment: {}, signal }), 'resume');
      await refused('cancelled', provider.destroy(box.ref, { signal }), 'destroy');
      if (provider.parking.available)
        await refused('cancelled', provider.parking.use.park(box.ref, { signal }), 'park');
      assert.equal(await says(box, 'echo alive'), 'alive\n');
      if (provider.listing.available) {
        assert.ok(
          !(await listed(context)).some((one) => one.tag?.group === tag.group),
          'the cancelled box is there',
        );
      }
    },
  },
];
