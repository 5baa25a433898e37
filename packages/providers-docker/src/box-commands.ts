// Who runs the commands of a box: a shell that keeps them in the box, where the image has what that takes; else the
// engine's own exec, followed by this process.
import {
  available,
  type BoxAttach,
  type BoxProcess,
  type CallOptions,
  type Capability,
  type ExecRequest,
  type ExecResult,
  type RunnerProbe,
  SandboxError,
  type SpawnRequest,
  unavailable,
} from '@boxyard/sandbox-core';
import { BareCommands } from './bare/bare-commands.ts';
import { BARE_SCRIPT } from './bare/bare-script.ts';
import { boxEnvironment, type DockerBoxOptions, markOf, openRunner, startInBox } from './box-entry.ts';
import { FilesLink, type FilesPlace } from './shell-files/files-link.ts';

export interface BoxCommands {
  exec(request: ExecRequest, options?: CallOptions): Promise<ExecResult>;
  spawn(request: SpawnRequest, options?: CallOptions): Promise<BoxProcess>;
  /** Ends what carries the marks of this id; answers how many are left. */
  killTree(id: string, graceMs: number, options?: CallOptions): Promise<number>;
  /** What marks the tree of this id in its environment. */
  marks(id: string): readonly string[];
  readonly attach: Capability<BoxAttach>;
  close(): Promise<void>;
}

/** Without these the runner's own shell could not tell what a command printed, or not end it. */
const ESSENTIAL = new Set(['dd', 'stat', 'grep', 'sleep', '/proc']);
/** The session of a terminal is the engine's: only its marks count. */
const NO_SESSION = 0;

/** What the image offers to commands: the runner's probe, or the names of what it lacks for one. */
export type CommandTools =
  | { readonly tier: 'full'; readonly probe: RunnerProbe }
  | { readonly tier: 'bare'; readonly missing: readonly string[] };

export async function openCommands(
  options: DockerBoxOptions,
  place: FilesPlace,
  known: CommandTools | null,
): Promise<{ readonly commands: BoxCommands; readonly tools: CommandTools }> {
  if (known?.tier === 'bare') return { commands: bareCommands(options, place, known.missing), tools: known };
  const runner = openRunner(options);
  try {
    const probe = await runner.probe();
    const missing = probe.missing.filter((name) => ESSENTIAL.has(name));
    if (missing.length === 0) {
      const mark = markOf(options.ref);
      const commands: BoxCommands = {
        exec: (request, call) => runner.exec(request, call),
        spawn: (request, call) => runner.spawn(request, call),
        killTree: (id, graceMs, call) => runner.killTree(id, NO_SESSION, graceMs, call),
        marks: (id) => [`BOXYARD_OP=${mark}/${id}`],
        attach:
          probe.missing.length === 0
            ? available(runner.attaching)
            : unavailable(`the image lacks ${probe.missing.join(', ')}`),
        close: () => runner.close(),
      };
      return { commands, tools: { tier: 'full', probe } };
    }
    await runner.close();
    return { commands: bareCommands(options, place, missing), tools: { tier: 'bare', missing } };
  } catch (error) {
    await runner.close();
    if (!SandboxError.hasCode(error, 'unsupported')) throw error;
    // The first tool that its shell looked for in vain.
    const missing = [/lacks (\S+?),/.exec(error.message)?.[1] ?? 'a tool'];
    return { commands: bareCommands(options, place, missing), tools: { tier: 'bare', missing } };
  }
}

function bareCommands(options: DockerBoxOptions, place: FilesPlace, missing: readonly string[]): BoxCommands {
  const { engine, ref, epoch } = options;
  const mark = markOf(ref);
  const environment = boxEnvironment(options);
  const bare = new BareCommands({
    engine,
    epoch,
    mark,
    link: new FilesLink({ ...place, script: BARE_SCRIPT }),
    spoolLimitBytes: options.maxSpoolBytes,
    start: (argv, signal) => startInBox(engine, ref, argv, environment, { signal }),
  });
  return {
    exec: (request, call) => bare.exec(request, call),
    spawn: (request, call) => bare.spawn(request, call),
    killTree: (id, graceMs, call) => bare.killTree(id, graceMs, call),
    marks: (id) => [`BOXYARD_OP=${mark}/${id}`, `BOXYARD_RUN=${id}`],
    attach: unavailable(`the image lacks ${missing.join(', ')}, so nothing in the box keeps its commands`),
    close: () => bare.close(),
  };
}
