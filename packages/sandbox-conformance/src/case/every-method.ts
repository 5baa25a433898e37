// Every call that a box offers, with arguments that would change something if it were carried out. Cases on
// deadlines, signals and closed handles go through all of them, so that none is forgotten.
import type { Box, BoxProcess, CallOptions } from '@boxyard/sandbox-core';
import type { BoxCaseContext } from './box-case.ts';
import { bytesOf, start } from './case-steps.ts';

export interface BoxMethod {
  readonly name: string;
  readonly call: (options: CallOptions) => Promise<unknown>;
}

export interface EveryMethod {
  readonly methods: readonly BoxMethod[];
  /** The command that the methods of `BoxProcess` are called on; it waits for a line on stdin. */
  readonly process: BoxProcess;
  /** Names what a carried out call would have left, if any did. Ask through a box that answers. */
  traces(box: Box): Promise<readonly string[]>;
}

/** Prepares files and a command, and lists the calls. Commands are spawned with `id`, which must not run. */
export async function everyMethod(context: BoxCaseContext): Promise<EveryMethod> {
  const { box } = context;
  const { files, capabilities } = box;
  const folder = context.unique('every');
  const kept = `${folder}/kept`;
  const made = `${folder}/made`;
  await files.write(kept, bytesOf('kept'), { createParents: true, deadlineMs: context.waitMs });
  const process = await start(context, { program: { script: 'read go; echo went' }, stdin: 'open' });
  const run = { script: `echo ran > ${made}.run` };
  const methods: BoxMethod[] = [
    { name: 'exec', call: (options) => box.exec({ program: run }, options) },
    { name: 'spawn', call: (options) => box.spawn({ program: run }, options) },
    { name: 'files.read', call: (options) => files.read(kept, options) },
    { name: 'files.open', call: async (options) => (await files.open(kept, options)).stream.cancel() },
    { name: 'files.write', call: (options) => files.write(`${made}.write`, bytesOf('x'), options) },
    { name: 'files.version', call: (options) => files.version(kept, options) },
    { name: 'files.stat', call: (options) => files.stat(kept, options) },
    { name: 'files.list', call: (options) => files.list(folder, options) },
    { name: 'files.mkdir', call: (options) => files.mkdir(`${made}.mkdir`, options) },
    { name: 'files.move', call: (options) => files.move(kept, `${made}.move`, options) },
    { name: 'files.remove', call: (options) => files.remove(kept, options) },
    { name: 'process.write', call: (options) => process.write(bytesOf('go\n'), options) },
    { name: 'process.closeStdin', call: (options) => process.closeStdin(options) },
    { name: 'process.interrupt', call: (options) => process.interrupt(options) },
    { name: 'process.exited', call: (options) => process.exited(options) },
    { name: 'process.kill', call: (options) => process.kill(options) },
    { name: 'process.forget', call: (options) => process.forget(options) },
  ];
  const { attach, archives, ports, terminal } = capabilities;
  if (attach.available) {
    methods.push(
      { name: 'attach.attach', call: (options) => attach.use.attach(process.id, options) },
      { name: 'attach.list', call: (options) => attach.use.list(options) },
    );
  }
  if (archives.available) {
    methods.push({
      name: 'archives.pack',
      call: async (options) => {
        const packed = await archives.use.pack({ ...options, path: folder });
        packed.manifest.catch(() => undefined);
        await packed.stream.cancel();
      },
    });
    // A stream that never ends: what does not watch its signal hangs on it.
    methods.push({
      name: 'archives.unpack',
      call: (options) =>
        archives.use.unpack(new ReadableStream(), { ...options, path: folder, mode: 'replace' }),
    });
  }
  if (terminal.available) {
    methods.push({
      name: 'terminal.open',
      call: async (options) => (await terminal.use.open({ cols: 80, rows: 24 }, options)).close(),
    });
  }
  if (ports.available)
    methods.push({ name: 'ports.expose', call: (options) => ports.use.expose(18_080, options) });

  return {
    methods,
    process,
    async traces(through) {
      const present = await through.files.list(folder, { deadlineMs: context.waitMs });
      const names = present.map((entry) => entry.name);
      const left = names.filter((name) => name !== 'kept').map((name) => `${name} was made`);
      if (!names.includes('kept')) left.push('kept is gone');
      return left;
    },
  };
}
