// How long the caller waits. Nothing here says how long anything takes, only that every wait ends.
import assert from 'node:assert/strict';
import type { CallOptions } from '@boxyard/sandbox-core';
import { type BoxCase, type BoxCaseContext, casesOf } from '../case/box-case.ts';
import { within } from '../case/case-run.ts';
import { bytesOf, collect, eventually, prepare, refused, shell, start, textOf } from '../case/case-steps.ts';
import { everyMethod } from '../case/every-method.ts';

/** Calls every method against a box that does not answer; a result is fine for what needs no answer of it. */
async function againstFrozen(
  context: BoxCaseContext,
  codes: readonly string[],
  options: () => CallOptions,
): Promise<void> {
  const every = await everyMethod(context);
  await context.subject.freeze!();
  let thawed = false;
  context.defer(async () => (thawed ? undefined : context.subject.thaw!()));
  try {
    // All at once: one after the other their deadlines would add up.
    const outcomes = await Promise.all(
      every.methods.map(async ({ name, call }) => {
        const outcome = call(options()).then(
          () => 'ok',
          (error: { code?: string }) => error.code ?? String(error),
        );
        return { name, outcome: await within(context.waitMs / 2, `${name} against a frozen box`, outcome) };
      }),
    );
    for (const { name, outcome } of outcomes) {
      assert.ok(['ok', 'conflict', 'not-found', ...codes].includes(outcome), `${name} ended with ${outcome}`);
      if (name === 'exec') assert.ok(codes.includes(outcome), `exec of a frozen box ended with ${outcome}`);
    }
  } finally {
    thawed = true;
    await context.subject.thaw!();
  }
  assert.equal(await prepare(context, 'echo thawed'), 'thawed\n');
}

export const DEADLINE_CASES: readonly BoxCase[] = casesOf('deadline', [
  {
    id: 'exec',
    title: 'an exec that is not done at its deadline is a timeout and its command is ended',
    async run(context) {
      const pid = context.unique('pid');
      const program = { script: `echo $$ > ${pid}; sleep 600` };
      const pending = context.box.exec({ program }, { deadlineMs: 1500 });
      await refused('timeout', pending);
      if ((await context.box.files.stat(pid)) === null) return;
      const number = (await prepare(context, `cat ${pid}`)).trim();
      await eventually(context, 'the command that was given up has ended', async () => {
        const check = `kill -0 ${number} 2>/dev/null && ! grep -qs 'State:.Z' /proc/${number}/status && echo alive; true`;
        return textOf((await shell(context, check)).stdout) === '';
      });
    },
  },
  {
    id: 'over-before',
    title: 'a deadline that is over before the call begins anything is a timeout of every method',
    async run(context) {
      const every = await everyMethod(context);
      for (const { name, call } of every.methods) {
        await refused('timeout', call({ deadlineMs: 0 }), name);
      }
      assert.deepEqual(await every.traces(context.box), []);
    },
  },
  {
    id: 'exited',
    title: 'waiting for an exit with a deadline leaves the command running',
    async run(context) {
      const started = await start(context, { program: { script: 'read go; echo went' }, stdin: 'open' });
      await refused('timeout', started.exited({ deadlineMs: 30 }));
      await started.write(bytesOf('go\n'));
      assert.equal(textOf((await collect(started)).stdout), 'went\n');
    },
  },
  {
    id: 'not-a-number',
    title: 'a deadline that is no number is invalid',
    async run(context) {
      await refused('invalid', context.box.files.stat('', { deadlineMs: Number.NaN }));
      await refused('invalid', context.box.exec({ program: { script: 'true' } }, { deadlineMs: Number.NaN }));
    },
  },
  {
    id: 'stalled-upload',
    title: 'a write whose content never comes is a timeout and leaves nothing',
    async run(context) {
      const folder = context.unique('stalled');
      await context.box.files.mkdir(folder);
      const stalled = new ReadableStream<Uint8Array<ArrayBuffer>>({
        start: (controller) => controller.enqueue(bytesOf('begun')),
      });
      await refused('timeout', context.box.files.write(`${folder}/file`, stalled, { deadlineMs: 300 }));
      await eventually(context, 'no part of the upload is left', async () => {
        return (await context.box.files.list(folder)).length === 0;
      });
    },
  },
  {
    id: 'frozen',
    title: 'against a frozen box every method ends with its deadline',
    facts: ['freeze'],
    ownBox: true,
    run: (context) => againstFrozen(context, ['timeout', 'outcome-unknown'], () => ({ deadlineMs: 200 })),
  },
  {
    id: 'frozen-abort',
    title: 'against a frozen box every method ends with its signal',
    facts: ['freeze'],
    ownBox: true,
    run: (context) =>
      againstFrozen(context, ['cancelled', 'outcome-unknown'], () => ({ signal: AbortSignal.timeout(100) })),
  },
  {
    id: 'frozen-once',
    title: 'a start whose answer never came is made once, however often it is asked for with its id',
    facts: ['freeze'],
    ownBox: true,
    async run(context) {
      const trace = context.unique('trace');
      const request = { id: context.unique('once'), program: { script: `echo run >> ${trace}` } };
      await prepare(context, 'true');
      await context.subject.freeze!();
      try {
        for (let attempt = 0; attempt < 2; attempt++) {
          await context.box.spawn(request, { deadlineMs: 200 }).catch((error: unknown) => error);
        }
      } finally {
        await context.subject.thaw!();
      }
      const started = await start(context, request);
      assert.equal((await started.exited({ deadlineMs: context.waitMs })).exitCode, 0);
      assert.equal(textOf(await context.box.files.read(trace)), 'run\n');
    },
  },
]);
