// A session of the SDK as a typed box. Sessions differ in what they offer; all of them run commands, so that is all
// that is asked of them.
import { createHash } from 'node:crypto';
import {
  available,
  type Box,
  type BoxCapabilities,
  type BoxFiles,
  type BoxPorts,
  type BoxProcess,
  type BoxRef,
  bounded,
  type CallOptions,
  type Capability,
  checkPort,
  type ExecRequest,
  type ExecResult,
  type ExposedPort,
  type RunnerProbe,
  SandboxError,
  ShellRunner,
  type SpawnRequest,
  unavailable,
} from '@boxyard/sandbox-core';
import type { SandboxSession } from '@openai/agents-core/sandbox';
import { BoxSession } from '../session/agents-session.ts';
import { openCommandChannel } from './command-channel.ts';
import { CommandFiles } from './command-files.ts';
import { SessionShell } from './session-shell.ts';

export interface AgentsBoxOptions extends CallOptions {
  /** How the box is found again; its session knows, and this package does not. */
  readonly ref: BoxRef;
  /** The lease epoch of this handle; 0 when absent. */
  readonly epoch?: number | undefined;
}

// Paths come out in base64: some sessions rewrite the root in what commands print.
const LOOK = `{ pwd -P; printf '%s\\n' "\${TMPDIR:-/tmp}"; id -u; } | base64`;

/**
 * The box of a session. That of one of our own is the very box that it was made of, closed by whoever opened it;
 * any other is worked through its `execCommand`, which needs `/bin/sh` and `base64` in the box.
 *
 * @throws SandboxError `unsupported` for a session that runs no commands or a box that lacks a tool.
 */
export async function fromAgentsSession(session: SandboxSession, options: AgentsBoxOptions): Promise<Box> {
  if (session instanceof BoxSession) return session.currentBox(options);
  return bounded(options, 'Making a box of the session', async () => {
    const shell = new SessionShell(session);
    const { output } = await shell.run(LOOK);
    const [root, temporary, user] = Buffer.from(output, 'base64').toString().split('\n');
    if (root === undefined || !root.startsWith('/') || temporary === undefined || user === undefined) {
      throw new SandboxError(
        'unsupported',
        `Making a box of the session failed: it said ${output.slice(0, 200)}. It needs base64.`,
        { started: 'no' },
      );
    }
    const mark = createHash('sha256').update(root).digest('hex').slice(0, 16);
    const runner = new ShellRunner({
      openChannel: (argv) => openCommandChannel(shell, argv),
      // The same for every process that opens the box, so that each finds the commands of the others.
      spoolDir: `${temporary}/boxyard-${user}-${mark}`,
      workspaceRoot: root,
      mark,
      epoch: options.epoch ?? 0,
    });
    try {
      return new AgentsBox({ session, runner, root, probe: await runner.probe(), options });
    } catch (error) {
      await runner.close();
      throw error;
    }
  });
}

class AgentsBox implements Box {
  readonly ref: BoxRef;
  readonly workspaceRoot: string;
  readonly epoch: number;
  readonly files: BoxFiles;
  readonly capabilities: BoxCapabilities;
  readonly #runner: ShellRunner;
  #closed = false;

  constructor({
    session,
    runner,
    root,
    probe,
    options,
  }: {
    readonly session: SandboxSession;
    readonly runner: ShellRunner;
    readonly root: string;
    readonly probe: RunnerProbe;
    readonly options: AgentsBoxOptions;
  }) {
    this.ref = options.ref;
    this.workspaceRoot = root;
    this.epoch = options.epoch ?? 0;
    this.#runner = runner;
    this.files = new CommandFiles(runner, root);
    const through = 'the box is reached through a session of the Agents SDK, which';
    this.capabilities = {
      attach:
        probe.missing.length === 0
          ? available(runner.attaching)
          : unavailable(`the box lacks ${probe.missing.join(', ')}`),
      archives: unavailable(`${through} has archives of its own kind`),
      terminal: unavailable(`${through} cannot resize a terminal`),
      watch: unavailable(`${through} tells no changes`),
      ports: portsOf(session, () => this.#ensureOpen()),
      desktop: unavailable(`${through} has no display`),
    };
  }

  exec(request: ExecRequest, options?: CallOptions): Promise<ExecResult> {
    return this.#runner.exec(request, options);
  }

  spawn(request: SpawnRequest, options?: CallOptions): Promise<BoxProcess> {
    return this.#runner.spawn(request, options);
  }

  close(): Promise<void> {
    this.#closed = true;
    return this.#runner.close();
  }

  #ensureOpen(): void {
    if (!this.#closed) return;
    throw new SandboxError('closed', 'The handle of the box is closed; make another one of its session.', {
      started: 'no',
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** @param ensureOpen Throws when the handle is closed. */
function portsOf(session: SandboxSession, ensureOpen: () => void): Capability<BoxPorts> {
  if (session.resolveExposedPort === undefined) return unavailable('its session exposes no ports');
  const expose = (port: number, options?: CallOptions): Promise<ExposedPort> =>
    bounded(options, `Exposing port ${port}`, async () => {
      checkPort(port);
      ensureOpen();
      const endpoint = await session.resolveExposedPort?.(port).catch((cause: unknown) => {
        throw new SandboxError('unsupported', `Exposing port ${port} failed: its session refuses it.`, {
          cause,
        });
      });
      if (endpoint === undefined) throw new SandboxError('unsupported', 'The session exposes no ports.');
      const { host, tls = false, query = '' } = endpoint;
      const url =
        endpoint.url ?? `${tls ? 'https' : 'http'}://${host}:${endpoint.port}/${query && `?${query}`}`;
      return { port, url, tls, expiresAt: null };
    });
  return available({ expose });
}
