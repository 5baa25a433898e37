import {
  available,
  type Box,
  type BoxCapabilities,
  type BoxFiles,
  type BoxProcess,
  type BoxRef,
  type BoxTerminals,
  type CallOptions,
  type ExecRequest,
  type ExecResult,
  type OpenShellChannel,
  type RunnerProbe,
  SandboxError,
  ShellRunner,
  type SpawnRequest,
  unavailable,
} from '@boxyard/sandbox-core';
import { errorOfBox } from './absence.ts';
import { BOX_USER, SPOOL_DIR, STAGE_DIR, WORKSPACE } from './container-request.ts';
import { DockerPorts } from './docker-ports.ts';
import { DockerTerminals } from './docker-terminal.ts';
import type { Engine, StartedExec } from './engine.ts';
import { execBoxStream } from './exec-box-stream.ts';
import { execChannel } from './exec-channel.ts';
import { type Judge, JudgedProcess, judgedAttach } from './judged-process.ts';
import type { OpenBoxStream } from './shell-files/exec-stream.ts';
import { FilesLink, type FilesPlace, type FilesProbe } from './shell-files/files-link.ts';
import { ShellArchives } from './shell-files/shell-archives.ts';
import { ShellFiles } from './shell-files/shell-files.ts';
import { ShellWatch } from './shell-files/shell-watch.ts';

export interface DockerBoxOptions {
  readonly engine: Engine;
  readonly ref: BoxRef;
  /** The bridge on which the box has its address. */
  readonly network: string;
  readonly epoch: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly maxSpoolBytes?: number | undefined;
  readonly maxBoxSpoolBytes?: number | undefined;
}

/** What the image of a box offers. */
export interface ImageTools {
  readonly runner: RunnerProbe;
  readonly files: FilesProbe;
}

/** Marks every process of the box's commands; children inherit it, so that the whole tree is found again. */
const markOf = (ref: BoxRef) => ref.instance.slice(0, 32);

/** What every command of the box sees, beside what its image brings. */
function boxEnvironment({ ref, environment }: DockerBoxOptions): readonly string[] {
  const own = { HOME: WORKSPACE, ...environment, BOXYARD_WORKSPACE: WORKSPACE, BOXYARD_BOX: markOf(ref) };
  return Object.entries(own).map(([name, value]) => `${name}=${value}`);
}

function openRunner(options: DockerBoxOptions): ShellRunner {
  const { engine, ref, epoch, maxSpoolBytes, maxBoxSpoolBytes } = options;
  return new ShellRunner({
    openChannel: channelOpener(engine, ref, boxEnvironment(options)),
    spoolDir: SPOOL_DIR,
    workspaceRoot: WORKSPACE,
    mark: markOf(ref),
    epoch,
    ...(maxSpoolBytes === undefined ? {} : { spoolLimitBytes: maxSpoolBytes }),
    ...(maxBoxSpoolBytes === undefined ? {} : { boxSpoolLimitBytes: maxBoxSpoolBytes }),
  });
}

function channelOpener(engine: Engine, ref: BoxRef, env: readonly string[]): OpenShellChannel {
  return async (argv) => execChannel(await startInBox(engine, ref, argv, env));
}

async function startInBox(
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

/** Opens a handle to a container that runs. `tools` is what is known of its image already. */
export async function openDockerBox(options: DockerBoxOptions, tools: ImageTools | null): Promise<DockerBox> {
  const { engine, ref, epoch } = options;
  const runner = openRunner(options);
  // Tools speak plainly and count bytes only in this locale; what they print is for us.
  const fileEnv = [`HOME=${WORKSPACE}`, 'LC_ALL=C', `BOXYARD_BOX=${markOf(ref)}`];
  const place: FilesPlace = {
    openChannel: channelOpener(engine, ref, fileEnv),
    spoolDir: SPOOL_DIR,
    stageDir: STAGE_DIR,
    workspaceRoot: WORKSPACE,
    epoch,
  };
  const link = new FilesLink(place);
  try {
    const [runnerProbe, files] = await Promise.all([runner.probe(), tools?.files ?? link.probe()]);
    const openStream: OpenBoxStream = async (argv, signal) =>
      execBoxStream(engine, await startInBox(engine, ref, argv, fileEnv, { signal }));
    if (files.missing.length > 0) throw lacking(files.missing);
    return new DockerBox(options, { runner, link, place, openStream }, { runner: runnerProbe, files });
  } catch (error) {
    await Promise.all([runner.close(), link.close()]);
    throw error;
  }
}

function lacking(tools: readonly string[]): SandboxError {
  return new SandboxError(
    'unsupported',
    `The image of the box lacks ${tools.join(', ')}, which its files need. Install what is missing, or choose another image.`,
    { started: 'no', stage: 'open' },
  );
}

interface Parts {
  readonly runner: ShellRunner;
  readonly link: FilesLink;
  readonly place: FilesPlace;
  readonly openStream: OpenBoxStream;
}

/** A container of an engine, reached through shells in it. */
export class DockerBox implements Box {
  readonly ref: BoxRef;
  readonly workspaceRoot = WORKSPACE;
  readonly epoch: number;
  readonly capabilities: BoxCapabilities;
  readonly files: BoxFiles;
  readonly tools: ImageTools;
  readonly #runner: ShellRunner;
  readonly #link: FilesLink;
  readonly #files: ShellFiles;
  readonly #judge: Judge;
  readonly #watch: ShellWatch;
  readonly #ports: DockerPorts;
  readonly #terminals: DockerTerminals;

  constructor(options: DockerBoxOptions, { runner, link, place, openStream }: Parts, tools: ImageTools) {
    const { engine } = options;
    this.ref = options.ref;
    this.epoch = options.epoch;
    this.tools = tools;
    this.#runner = runner;
    this.#link = link;
    const judge: Judge = (call) =>
      call.catch(async (error: unknown) => {
        if (!SandboxError.hasCode(error, 'unreachable')) throw error;
        throw await errorOfBox(options.engine, options.ref, error);
      });
    this.#judge = judge;
    const fileOptions = { place, link, openStream, judge };
    this.#files = new ShellFiles(fileOptions);
    this.files = this.#files;
    this.#watch = new ShellWatch(fileOptions);
    this.#ports = new DockerPorts({ engine, ref: options.ref, network: options.network, openStream });
    this.#terminals = new DockerTerminals({
      engine,
      runner,
      link,
      workspace: WORKSPACE,
      epoch: options.epoch,
      mark: markOf(options.ref),
      environment: boxEnvironment(options),
      start: (argv, env, signal) => startInBox(engine, options.ref, argv, env, { signal, tty: true }),
    });
    const terminals: BoxTerminals = {
      open: async (request, call) => {
        this.#files.ensureOpen();
        return judge(this.#terminals.open(request, call));
      },
    };
    this.capabilities = {
      attach:
        tools.runner.missing.length === 0
          ? available(judgedAttach(runner.attaching, judge))
          : unavailable(`the image lacks ${tools.runner.missing.join(', ')}`),
      archives: tools.files.hasTar
        ? available(new ShellArchives(fileOptions, this.#files))
        : unavailable('the image lacks tar'),
      terminal: available(terminals),
      watch: available(this.#watch),
      ports: available({
        expose: async (port, call) => {
          this.#files.ensureOpen();
          return this.#judge(this.#ports.expose(port, call));
        },
      }),
      desktop: unavailable('the image has no desktop'),
    };
  }

  exec(request: ExecRequest, options?: CallOptions): Promise<ExecResult> {
    return this.#judge(this.#runner.exec(request, options));
  }

  async spawn(request: SpawnRequest, options?: CallOptions): Promise<BoxProcess> {
    return new JudgedProcess(await this.#judge(this.#runner.spawn(request, options)), this.#judge);
  }

  async close(): Promise<void> {
    this.#files.close();
    await Promise.all([this.#terminals.closeAll(), this.#watch.close(), this.#ports.close()]);
    await Promise.all([this.#runner.close(), this.#link.close()]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
