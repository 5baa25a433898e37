// A box as one session object of the SDK, for as long as a conversation lasts.
import type { Box, BoxRef, CallOptions, ProcessId } from '@boxyard/sandbox-core';
import { DEFAULT_DEADLINE_MS } from '@boxyard/sandbox-core';
import type { Editor } from '@openai/agents-core';
import type {
  ExecCommandArgs,
  ExposedPortEndpoint,
  ListDirectoryArgs,
  Manifest,
  ManifestInput,
  MaterializeEntryArgs,
  ReadFileArgs,
  SandboxArchiveLimits,
  SandboxDirectoryEntry,
  SandboxExecResult,
  SandboxPreStopHook,
  SandboxSession,
  ViewImageArgs,
  WorkspaceArchiveData,
  WorkspaceArchiveOptions,
  WriteStdinArgs,
} from '@openai/agents-core/sandbox';
import { type CommandReport, failureBanner, writeBanner } from '../banner.ts';
import { mergeManifestEntryDelta, withExclusiveSandboxManifestMutation } from '../sdk-values.ts';
import { AgentsSessionError, closedSession, refuseRunAs, sessionErrorFrom } from '../session-error.ts';
import { type BoxSource, CurrentBox } from './current-box.ts';
import type { OutputListener } from './live-command.ts';
import { PreStopHooks } from './pre-stop-hooks.ts';
import { checkArchiveLimits, packWorkspace, unpackWorkspace } from './session-archive.ts';
import { type ResumeCommandArgs, SessionCommands } from './session-commands.ts';
import { fitManifest, type ManifestDrift, refuseBeyondFiles, sessionManifest } from './session-manifest.ts';
import { exposePort } from './session-ports.ts';
import { type AgentsSessionState, newSessionState } from './session-state.ts';
import { ShownPaths } from './shown-paths.ts';
import { delegatingEditor } from './workspace-editor.ts';
import { exists, isDirectory, listEntries, type Place, readBytes, readImage } from './workspace-reader.ts';
import { writeEntry } from './write-entry.ts';

export interface AgentsSessionOptions {
  /** The root that the SDK is shown for life. Needed with a source that opens its box; else the box's own. */
  readonly root?: string | undefined;
  /** What the box was given when it was made. Never stored; a manifest that asks for something else drifts. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** Whether there are terminals, until the first box is open and says so itself. */
  readonly supportsPty?: boolean | undefined;
  /** Milliseconds that one call to the box may take. */
  readonly deadlineMs?: number | undefined;
  /** Ends every wait; the command that is waited for is ended with it. */
  readonly signal?: AbortSignal | undefined;
  /** Ends the wait for commands, which go on: another process finds them by their `commandId`. */
  readonly detach?: AbortSignal | undefined;
  /** Called when a manifest asks for what a live box cannot change any more. */
  readonly onDrift?: ((drift: ManifestDrift) => void) | undefined;
  /** Folders of this machine that `local_file` and `local_dir` may copy from; the working folder when absent. */
  readonly localSources?: readonly string[] | undefined;
  /**
   * Names the command that is about to start, so that another process can find it again. What such commands leave
   * in the box stays until `forgetEnded`.
   */
  readonly commandId?: (() => ProcessId | undefined) | undefined;
  /**
   * Asked at each look of a tool at a command; the answer is told what the command prints while the tool waits, as
   * soon as it is there and without a bound.
   */
  readonly outputListener?: (() => OutputListener | undefined) | undefined;
  /** Asked after each look at a command: what the model is told besides, on lines of its own. */
  readonly news?: (() => readonly string[]) | undefined;
  /** Whether a box with another root gets a link at the shown one. Containers of our own when absent. */
  readonly mayLinkRoot?: ((box: Box) => boolean) | undefined;
}

/** What only a client of ours knows about its session. */
export interface OwnedSession {
  readonly state?: Pick<AgentsSessionState, 'manifest' | 'box' | 'epoch' | 'nextCommand'> | undefined;
  /** Destroys the box: the SDK ends sessions that it made itself. */
  readonly destroy?: ((ref: BoxRef) => Promise<void>) | undefined;
}

type SdkSession = SandboxSession<AgentsSessionState>;

/** As the SDK's session, with everything that a box always has. */
export type AgentsSession = Required<
  Omit<SdkSession, 'delete' | 'shutdown' | 'readFile' | 'registerPreStopHook'>
> &
  Pick<SdkSession, 'delete' | 'shutdown'> & {
    readFile(args: ReadFileArgs): Promise<Uint8Array>;
    registerPreStopHook(hook: SandboxPreStopHook): () => void;
    /** The box as it is now; opens it where the source does. */
    currentBox(options?: CallOptions): Promise<Box>;
    /**
     * What `exec_command` would say of a command that was started under this id. It is found again, never started.
     *
     * @throws SandboxError `not-found` when the box knows nothing of it.
     */
    resumeCommand(id: ProcessId, args?: ResumeCommandArgs): Promise<string>;
    /** Removes what ended commands with an id of the caller's left in the box: their results are safe elsewhere. */
    forgetEnded(): Promise<void>;
    /** A manifest with this session's root and environment, which a run accepts; see `agentsRunConfig`. */
    fit(manifest: ManifestInput): Manifest;
  };

export class BoxSession implements AgentsSession {
  readonly state: AgentsSessionState;
  readonly delete?: () => Promise<void>;
  readonly #current: CurrentBox;
  readonly #paths: ShownPaths;
  readonly #commands: SessionCommands;
  readonly #options: AgentsSessionOptions;
  readonly #hooks = new PreStopHooks();
  #archiveLimits: SandboxArchiveLimits | null = null;
  #closed = false;

  constructor(source: BoxSource, options: AgentsSessionOptions = {}, owned: OwnedSession = {}) {
    const root = owned.state?.manifest.root ?? options.root ?? rootOf(source);
    this.#options = options;
    this.#paths = new ShownPaths(root);
    this.#current = new CurrentBox(source, this.#paths.root, options.mayLinkRoot ?? isContainer);
    const box = typeof source === 'function' ? null : source;
    this.state = newSessionState({
      manifest: owned.state?.manifest ?? sessionManifest(this.#paths.root, options.environment ?? {}),
      box: box?.ref ?? owned.state?.box ?? null,
      epoch: box?.epoch ?? owned.state?.epoch ?? 0,
      nextCommand: owned.state?.nextCommand ?? 1,
    });
    this.#commands = new SessionCommands({
      current: this.#current,
      paths: this.#paths,
      deadlineMs: options.deadlineMs ?? DEFAULT_DEADLINE_MS,
      signal: options.signal,
      detach: options.detach,
      firstNumber: this.state.nextCommand,
      commandId: options.commandId,
      outputListener: options.outputListener,
      news: options.news,
    });
    const { destroy } = owned;
    if (destroy !== undefined) this.delete = () => this.#delete(destroy);
  }

  async start(): Promise<void> {
    this.#use();
  }

  /** A box that is not open yet is no reason to start anything. */
  async running(): Promise<boolean> {
    return !this.#closed;
  }

  registerPreStopHook(hook: SandboxPreStopHook): () => void {
    return this.#hooks.register(hook);
  }

  runPreStopHooks(): Promise<void> {
    return this.#hooks.run();
  }

  preStop(): Promise<void> {
    return this.#hooks.run();
  }

  /** Ends the commands that this session started and that still run; the box stays. */
  async stop(): Promise<void> {
    await this.#hooks.run();
    await this.#commands.stop();
  }

  /** Lets go of the session. The box stays with its owner, and what runs in it goes on. */
  async close(): Promise<void> {
    if (this.#closed) return;
    await this.#hooks.run();
    this.#closed = true;
  }

  supportsPty(): boolean {
    const box = this.#current.latest;
    return box === null ? (this.#options.supportsPty ?? false) : box.capabilities.terminal.available;
  }

  async exec(args: ExecCommandArgs): Promise<SandboxExecResult> {
    this.#use();
    try {
      return await this.#commands.result(args);
    } finally {
      this.#note();
    }
  }

  execCommand(args: ExecCommandArgs): Promise<string> {
    return this.#banner('exec_command', () => this.#commands.report(args));
  }

  async resumeCommand(id: ProcessId, args: ResumeCommandArgs = {}): Promise<string> {
    this.#use();
    try {
      return writeBanner(await this.#commands.resume(id, args));
    } finally {
      this.#note();
    }
  }

  forgetEnded(): Promise<void> {
    return this.#commands.forgetEnded();
  }

  writeStdin(args: WriteStdinArgs): Promise<string> {
    return this.#banner('write_stdin', () => this.#commands.write(args));
  }

  createEditor(runAs?: string): Editor {
    refuseRunAs(runAs);
    return delegatingEditor((path) => this.#place(path));
  }

  async viewImage({ path, runAs }: ViewImageArgs): ReturnType<AgentsSession['viewImage']> {
    return readImage(await this.#place(path, runAs), path);
  }

  async readFile({ path, runAs, maxBytes }: ReadFileArgs): Promise<Uint8Array> {
    return readBytes(await this.#place(path, runAs), maxBytes);
  }

  async listDir({ path, runAs }: ListDirectoryArgs): Promise<SandboxDirectoryEntry[]> {
    return listEntries(await this.#place(path, runAs));
  }

  async pathExists(path: string, runAs?: string): Promise<boolean> {
    return exists(await this.#place(path, runAs));
  }

  async directoryExists(path: string, runAs?: string): Promise<boolean> {
    return isDirectory(await this.#place(path, runAs));
  }

  async materializeEntry({ path, entry, runAs }: MaterializeEntryArgs): Promise<void> {
    const { box, path: at, call } = await this.#place(path, runAs);
    await withExclusiveSandboxManifestMutation(this.state, async () => {
      await writeEntry({ box, call, localSources: this.#localSources() }, at, entry);
      this.state.manifest = mergeManifestEntryDelta(this.state.manifest, at, entry);
    });
  }

  /** Adds entries. What is there already stays as it is. */
  async applyManifest(manifest: Manifest, runAs?: string): Promise<void> {
    this.#use();
    refuseRunAs(runAs);
    refuseBeyondFiles(manifest);
    await withExclusiveSandboxManifestMutation(this.state, async () => {
      for (const [path, entry] of Object.entries(manifest.entries)) {
        if (this.state.manifest.entries[path] !== undefined) continue;
        const { box, path: at, call } = await this.#place(path);
        await writeEntry({ box, call, localSources: this.#localSources() }, at, entry);
        this.state.manifest = mergeManifestEntryDelta(this.state.manifest, path, entry);
      }
    });
  }

  async persistWorkspace(): Promise<Uint8Array> {
    const { box, call } = await this.#place('');
    return packWorkspace(box, call);
  }

  async hydrateWorkspace(data: WorkspaceArchiveData, options: WorkspaceArchiveOptions = {}): Promise<void> {
    const limits =
      options.archiveLimits === undefined ? this.#archiveLimits : checkArchiveLimits(options.archiveLimits);
    const { box, call } = await this.#place('');
    await unpackWorkspace(box, data, limits, call);
  }

  setArchiveLimits(limits?: SandboxArchiveLimits | null): void {
    this.#archiveLimits = checkArchiveLimits(limits);
  }

  async resolveExposedPort(port: number): Promise<ExposedPortEndpoint> {
    const { box, call } = await this.#place('');
    const endpoint = await exposePort(box, port, call);
    this.state.exposedPorts = { ...this.state.exposedPorts, [String(port)]: endpoint };
    return endpoint;
  }

  async currentBox(options: CallOptions = {}): Promise<Box> {
    this.#use();
    const { box } = await this.#current.get({ ...this.#call(), ...options });
    this.#note();
    return box;
  }

  fit(wanted: ManifestInput): Manifest {
    const { manifest, drift } = fitManifest(this.state.manifest, wanted);
    if (drift.environment.length + drift.entries.length > 0) this.#options.onDrift?.(drift);
    return manifest;
  }

  async #place(path: string, runAs?: string): Promise<Place> {
    this.#use();
    refuseRunAs(runAs);
    const call = this.#call();
    const { box } = await this.#current.get(call).catch((error: unknown) => {
      throw sessionErrorFrom(error);
    });
    this.#note();
    return { box, path: this.#paths.relative(path, box.workspaceRoot), call };
  }

  /** A thrown error would reach the model as a sentence that says nothing. */
  async #banner(tool: string, work: () => Promise<CommandReport>): Promise<string> {
    this.#use();
    const startedAtMs = performance.now();
    try {
      return writeBanner(await work());
    } catch (error) {
      return failureBanner(tool, error, startedAtMs);
    } finally {
      this.#note();
    }
  }

  /** What a stored session needs to go on from. */
  #note(): void {
    const box = this.#current.latest;
    if (box !== null) {
      this.state.box = box.ref;
      this.state.epoch = box.epoch;
    }
    this.state.nextCommand = this.#commands.nextNumber;
  }

  async #delete(destroy: (ref: BoxRef) => Promise<void>): Promise<void> {
    await this.close();
    await this.#current.latest?.close();
    if (this.state.box !== null) await destroy(this.state.box);
  }

  #localSources(): readonly string[] {
    return this.#options.localSources ?? [process.cwd()];
  }

  #call(): CallOptions {
    return { deadlineMs: this.#options.deadlineMs, signal: this.#options.signal };
  }

  #use(): void {
    if (this.#closed) throw closedSession();
  }
}

/**
 * A box as a session of the SDK, which may be given to many runs.
 *
 * @throws AgentsSessionError `configuration_error` when the source opens its box and no root is given.
 */
export function toAgentsSession(source: BoxSource, options: AgentsSessionOptions = {}): AgentsSession {
  return new BoxSession(source, options);
}

function rootOf(source: BoxSource): string {
  if (typeof source !== 'function') return source.workspaceRoot;
  throw new AgentsSessionError(
    'configuration_error',
    'Making a session of a box that is not open yet needs its root: the SDK asks for it first. Give options.root.',
  );
}

/** Others share their file system with people: a name there is not ours to make. */
function isContainer(box: Box): boolean {
  return box.ref.provider === 'docker';
}
