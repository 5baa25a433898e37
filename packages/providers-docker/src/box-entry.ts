// Ways into a container that runs: one program, a channel to a shell, and the runner of commands.
import type { Duplex } from 'node:stream';
import { type BoxRef, type OpenShellChannel, ShellRunner } from '@boxyard/sandbox-core';
import { errorOfBox } from './absence.ts';
import { BOX_USER, SPOOL_DIR, WORKSPACE } from './container-request.ts';
import type { Engine, StartedExec } from './engine.ts';
import { entryChannel } from './entry-shell.ts';
import { streamChannel } from './stream-channel.ts';

export interface DockerBoxOptions {
  readonly engine: Engine;
  readonly ref: BoxRef;
  /** The bridge on which the box has its address. */
  readonly network: string;
  readonly epoch: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly maxSpoolBytes?: number | undefined;
  readonly maxBoxSpoolBytes?: number | undefined;
  /** What leads to the first process of a container just made; the first shell is started by that one. */
  readonly entry?: Duplex | undefined;
}

/** Marks every process of the box's commands; children inherit it, so that the whole tree is found again. */
export const markOf = (ref: BoxRef) => ref.instance.slice(0, 32);

/** What every command of the box sees, beside what its image brings. */
export function boxEnvironment({ ref, environment }: DockerBoxOptions): readonly string[] {
  const own = { HOME: WORKSPACE, ...environment, BOXYARD_WORKSPACE: WORKSPACE, BOXYARD_BOX: markOf(ref) };
  return Object.entries(own).map(([name, value]) => `${name}=${value}`);
}

export function openRunner(options: DockerBoxOptions): ShellRunner {
  const { engine, ref, epoch, maxSpoolBytes, maxBoxSpoolBytes } = options;
  const env = boxEnvironment(options);
  const openByExec = channelOpener(engine, ref, env);
  let { entry } = options;
  return new ShellRunner({
    openChannel: async (argv) => {
      if (entry === undefined) return openByExec(argv);
      const channel = entryChannel(entry, argv, env);
      entry = undefined;
      return channel;
    },
    spoolDir: SPOOL_DIR,
    workspaceRoot: WORKSPACE,
    mark: markOf(ref),
    epoch,
    ...(maxSpoolBytes === undefined ? {} : { spoolLimitBytes: maxSpoolBytes }),
    ...(maxBoxSpoolBytes === undefined ? {} : { boxSpoolLimitBytes: maxBoxSpoolBytes }),
  });
}

export function channelOpener(engine: Engine, ref: BoxRef, env: readonly string[]): OpenShellChannel {
  return async (argv) => streamChannel((await startInBox(engine, ref, argv, env)).stream);
}

/** Runs a program as the box's user. @throws SandboxError `gone` when the box is proven absent. */
export async function startInBox(
  engine: Engine,
  ref: BoxRef,
  argv: readonly string[],
  env: readonly string[],
  { signal, tty = false }: { readonly signal?: AbortSignal; readonly tty?: boolean } = {},
): Promise<StartedExec> {
  try {
    return await engine.exec(ref.instance, { argv, env, tty, user: BOX_USER, workingDir: '/' }, signal);
  } catch (error) {
    throw await errorOfBox(engine, ref, error);
  }
}

/** Ends every command of the box, whoever started it. */
export async function stopCommands(options: DockerBoxOptions, deadlineMs: number): Promise<void> {
  const runner = openRunner(options);
  try {
    await runner.stopAll({ deadlineMs });
  } finally {
    await runner.close();
  }
}
