import {
  available,
  type Box,
  type BoxCapabilities,
  type BoxFiles,
  type BoxProcess,
  type BoxRef,
  bounded,
  type CallOptions,
  checkPort,
  EpochFence,
  type ExecRequest,
  type ExecResult,
  type ExposedPort,
  FolderSpool,
  openChildChannel,
  type RunnerProbe,
  ShellRunner,
  type SpawnRequest,
  unavailable,
} from '@boxyard/sandbox-core';
import { boxEnvironment } from './box-environment.ts';
import { type BoxPlace, keepOf } from './box-folder.ts';
import { FolderArchives } from './folder-archives.ts';
import { FolderFiles } from './folder-files.ts';
import { FolderWatch } from './folder-watch.ts';
import { Guard, guardArchives, guardFiles, guardTerminals, guardWatch } from './guarded.ts';
import { LocalTerminals } from './local-terminal.ts';

export interface LocalBoxOptions {
  readonly ref: BoxRef;
  readonly place: BoxPlace;
  readonly epoch: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly maxSpoolBytes?: number | undefined;
  readonly maxBoxSpoolBytes?: number | undefined;
  /** Stands before every program that is started: it sets something and becomes that program. None when absent. */
  readonly launcher?: readonly string[] | undefined;
}

/** The runner of a box's commands. Any process on this machine that has one sees the same commands. */
export function openRunner({
  place,
  epoch,
  environment,
  maxSpoolBytes,
  maxBoxSpoolBytes,
  launcher = [],
}: Omit<LocalBoxOptions, 'ref'>): ShellRunner {
  const env = boxEnvironment({
    workspace: place.workspace,
    keep: keepOf(place),
    mark: place.mark,
    environment,
  });
  return new ShellRunner({
    // Its own folder is for the shell to enter: that it is gone is an answer, and no failure to start.
    openChannel: (argv) => openChildChannel(launched(launcher, argv), { env, cwd: '/' }),
    spoolDir: place.spool,
    workspaceRoot: place.workspace,
    mark: place.mark,
    epoch,
    // The spool is on our own disk: reading it there costs no turn of the shell.
    spool: new FolderSpool(place.spool, epoch),
    lanes: true,
    ...(maxSpoolBytes === undefined ? {} : { spoolLimitBytes: maxSpoolBytes }),
    ...(maxBoxSpoolBytes === undefined ? {} : { boxSpoolLimitBytes: maxBoxSpoolBytes }),
  });
}

function launched(
  launcher: readonly string[],
  argv: readonly [string, ...string[]],
): readonly [string, ...string[]] {
  const [program, ...rest] = launcher;
  return program === undefined ? argv : [program, ...rest, ...argv];
}

/** A folder of this machine and its processes. No isolation: what runs in it runs as our own user. */
export class LocalBox implements Box {
  readonly ref: BoxRef;
  readonly workspaceRoot: string;
  readonly epoch: number;
  readonly capabilities: BoxCapabilities;
  readonly files: BoxFiles;
  readonly #runner: ShellRunner;
  readonly #guard: Guard;
  readonly #terminals: LocalTerminals;

  /** @param probe What this machine's shell stands on. */
  constructor(options: LocalBoxOptions, runner: ShellRunner, probe: RunnerProbe) {
    const { place, epoch } = options;
    const root = place.workspace;
    this.ref = options.ref;
    this.workspaceRoot = root;
    this.epoch = epoch;
    this.#runner = runner;
    const guard = new Guard(new EpochFence(place.spool, epoch));
    this.#guard = guard;
    this.files = guardFiles(new FolderFiles({ root }), guard);
    const environment = boxEnvironment({
      workspace: root,
      keep: keepOf(place),
      mark: place.mark,
      environment: options.environment,
    });
    const terminals = new LocalTerminals({
      workspace: root,
      mark: place.mark,
      environment,
      runner,
      launcher: options.launcher ?? [],
    });
    this.#terminals = terminals;
    this.capabilities = {
      attach:
        probe.missing.length === 0
          ? available(runner.attaching)
          : unavailable(`this machine lacks ${probe.missing.join(', ')}`),
      archives: available(guardArchives(new FolderArchives({ root }), guard)),
      terminal: available(guardTerminals(terminals, guard)),
      watch: available(guardWatch(new FolderWatch({ root }), guard)),
      ports: available({ expose: (port, call) => this.#expose(port, call) }),
      desktop: unavailable("a local box offers no desktop: it would be the machine's own"),
    };
  }

  exec(request: ExecRequest, options?: CallOptions): Promise<ExecResult> {
    return this.#runner.exec(request, options);
  }

  spawn(request: SpawnRequest, options?: CallOptions): Promise<BoxProcess> {
    return this.#runner.spawn(request, options);
  }

  async close(): Promise<void> {
    this.#guard.close();
    await this.#terminals.closeAll();
    await this.#runner.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Commands listen on the machine itself, so a port of the box is a port of loopback. */
  #expose(port: number, options?: CallOptions): Promise<ExposedPort> {
    return bounded(options, 'Exposing a port', async () => {
      this.#guard.use();
      checkPort(port);
      return { port, url: `http://127.0.0.1:${port}`, tls: false, expiresAt: null };
    });
  }
}
