import {
  available,
  type Box,
  type BoxCapabilities,
  type BoxFiles,
  type BoxProcess,
  type BoxRef,
  type CallOptions,
  type ExecRequest,
  type ExecResult,
  SandboxError,
  type SpawnRequest,
  unavailable,
} from '@boxyard/sandbox-core';
import { errorOfBox } from './absence.ts';
import { ArchiveInbox } from './archive-inbox.ts';
import { BareFiles } from './bare/bare-files.ts';
import { BARE_SCRIPT } from './bare/bare-script.ts';
import { type BoxCommands, type CommandTools, openCommands } from './box-commands.ts';
import { boxEnvironment, channelOpener, type DockerBoxOptions, markOf, startInBox } from './box-entry.ts';
import { SPOOL_DIR, STAGE_DIR, WORKSPACE } from './container-request.ts';
import { DockerPorts } from './docker-ports.ts';
import { DockerTerminals } from './docker-terminal.ts';
import { execBoxStream } from './exec-box-stream.ts';
import { type Judge, JudgedProcess, judgedAttach } from './judged-process.ts';
import type { OpenBoxStream } from './shell-files/exec-stream.ts';
import { expectText } from './shell-files/file-failure.ts';
import { FilesLink, type FilesPlace, type FilesProbe } from './shell-files/files-link.ts';
import { ShellArchives } from './shell-files/shell-archives.ts';
import { ShellFiles } from './shell-files/shell-files.ts';
import { ShellWatch } from './shell-files/shell-watch.ts';

/** What the image of a box offers, asked once for each image. */
export interface ImageTools {
  readonly commands: CommandTools;
  readonly files: FilesProbe;
}

interface Parts {
  readonly commands: BoxCommands;
  readonly link: FilesLink;
  readonly place: FilesPlace;
  readonly openStream: OpenBoxStream;
  /** Of a bare image the few tools that it has; null where files need not do without any. */
  readonly fewTools: ReadonlySet<string> | null;
}

/** Opens a handle to a container that runs. `known` is what is known of its image already. */
export async function openDockerBox(options: DockerBoxOptions, known: ImageTools | null): Promise<DockerBox> {
  const { engine, ref, epoch } = options;
  // Tools speak plainly and count bytes only in this locale; what they print is for us.
  const fileEnv = [`HOME=${WORKSPACE}`, 'LC_ALL=C', `BOXYARD_BOX=${markOf(ref)}`];
  const place: FilesPlace = {
    openChannel: channelOpener(engine, ref, fileEnv),
    spoolDir: SPOOL_DIR,
    stageDir: STAGE_DIR,
    workspaceRoot: WORKSPACE,
    epoch,
  };
  const openStream: OpenBoxStream = async (argv, signal) =>
    execBoxStream(engine, await startInBox(engine, ref, argv, fileEnv, { signal }));
  const opening = openCommands(options, place, known?.commands ?? null);
  let link = new FilesLink(place);
  try {
    const files = known?.files ?? (await link.probe());
    let fewTools: ReadonlySet<string> | null = null;
    if (files.missing.length > 0) {
      await link.close();
      link = new FilesLink({ ...place, script: BARE_SCRIPT });
      const text = expectText(await link.request('tools', []), 'Opening the box', epoch);
      fewTools = new Set(text.split(' ').filter((name) => name !== ''));
    }
    const { commands, tools } = await opening;
    return new DockerBox(
      options,
      { commands, link, place, openStream, fewTools },
      { commands: tools, files },
    );
  } catch (error) {
    await Promise.all([
      link.close(),
      opening.then(
        ({ commands }) => commands.close(),
        () => undefined,
      ),
    ]);
    throw error;
  }
}

/** A container of an engine, reached through shells in it. */
export class DockerBox implements Box {
  readonly ref: BoxRef;
  readonly workspaceRoot = WORKSPACE;
  readonly epoch: number;
  readonly capabilities: BoxCapabilities;
  readonly files: BoxFiles;
  readonly tools: ImageTools;
  readonly #commands: BoxCommands;
  readonly #link: FilesLink;
  readonly #files: ShellFiles;
  readonly #judge: Judge;
  readonly #watch: ShellWatch;
  readonly #ports: DockerPorts;
  readonly #terminals: DockerTerminals;

  constructor(options: DockerBoxOptions, parts: Parts, tools: ImageTools) {
    const { engine, ref } = options;
    const { commands, link, place, openStream, fewTools } = parts;
    this.ref = ref;
    this.epoch = options.epoch;
    this.tools = tools;
    this.#commands = commands;
    this.#link = link;
    const judge: Judge = (call) =>
      call.catch(async (error: unknown) => {
        if (!SandboxError.hasCode(error, 'unreachable')) throw error;
        throw await errorOfBox(engine, ref, error);
      });
    this.#judge = judge;
    const container = ref.instance;
    const inbox = new ArchiveInbox(engine, container, link);
    const fileOptions = { place, link, openStream, inbox, judge };
    this.#files =
      fewTools === null
        ? new ShellFiles(fileOptions)
        : new BareFiles({ ...fileOptions, engine, container, tools: fewTools });
    this.files = this.#files;
    this.#watch = new ShellWatch(fileOptions);
    this.#ports = new DockerPorts({ engine, ref, network: options.network, openStream });
    this.#terminals = new DockerTerminals({
      engine,
      link,
      workspace: WORKSPACE,
      epoch: options.epoch,
      environment: boxEnvironment(options),
      killTree: (id, graceMs, call) => commands.killTree(id, graceMs, call),
      marks: (id) => commands.marks(id),
      start: (argv, env, signal) => startInBox(engine, ref, argv, env, { signal, tty: true }),
    });
    const lacks = `the image lacks ${tools.files.missing.join(', ')}`;
    this.capabilities = {
      attach: commands.attach.available
        ? available(judgedAttach(commands.attach.use, judge))
        : commands.attach,
      archives:
        fewTools !== null
          ? unavailable(lacks)
          : tools.files.hasTar
            ? available(new ShellArchives(fileOptions, this.#files))
            : unavailable('the image lacks tar'),
      terminal: available({
        open: async (request, call) => {
          this.#files.ensureOpen();
          return judge(this.#terminals.open(request, call));
        },
      }),
      watch: fewTools === null ? available(this.#watch) : unavailable(lacks),
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
    return this.#judge(this.#commands.exec(request, options));
  }

  async spawn(request: SpawnRequest, options?: CallOptions): Promise<BoxProcess> {
    return new JudgedProcess(await this.#judge(this.#commands.spawn(request, options)), this.#judge);
  }

  async close(): Promise<void> {
    this.#files.close();
    await Promise.all([this.#terminals.closeAll(), this.#watch.close(), this.#ports.close()]);
    await Promise.all([this.#commands.close(), this.#link.close()]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
