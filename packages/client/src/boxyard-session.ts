import { BoxyardError } from './boxyard-error.ts';
import type { CallOptions } from './call-options.ts';
import { Command } from './command.ts';
import { type GitRoutes, SessionGroups, type SessionsRoutes } from './generated/route-groups.ts';
import type {
  CapabilityDocument,
  PauseSessionRequest,
  PtyOpenRequest,
  Session,
} from './generated/schemas.ts';
import {
  type ExecOptions,
  type ExecResult,
  runCommand,
  type StartOptions,
  startCommand,
} from './run-command.ts';
import { SessionEvents } from './session-events.ts';
import { SessionFiles } from './session-files.ts';
import { Terminal } from './terminal.ts';
import type { Transport } from './transport.ts';

export interface BoxyardSessionOptions {
  readonly transport: Transport;
  readonly workspace: string;
  readonly id: string;
  readonly sessions: SessionsRoutes;
  /** Whether the end of its scope deletes it. */
  readonly isOwned: boolean;
}

/**
 * A session and its box. One that `sessions.create` made is deleted at the end of its `await using`, unless
 * `keep()` was called; one that was only looked up stays.
 */
export class BoxyardSession implements AsyncDisposable {
  readonly id: string;
  readonly files: SessionFiles;
  readonly git: GitRoutes;
  readonly events: SessionEvents;
  /** Every route of a session, one method each. */
  readonly api: SessionGroups;
  readonly #sessions: SessionsRoutes;
  #isOwned: boolean;

  constructor({ transport, workspace, id, sessions, isOwned }: BoxyardSessionOptions) {
    const scope = { ws: workspace, sid: id };
    this.id = id;
    this.api = new SessionGroups(transport, scope);
    this.files = new SessionFiles(transport, scope);
    this.events = new SessionEvents(transport, scope);
    this.git = this.api.git;
    this.#sessions = sessions;
    this.#isOwned = isOwned;
  }

  /** Runs a script in the box's shell and waits for its end; an exit code that is not 0 is no error. */
  exec(command: string, options: ExecOptions = {}): Promise<ExecResult> {
    return runCommand(this.api.commands, command, options);
  }

  /** Starts a script in the box's shell, to be followed by its output. */
  start(command: string, options: StartOptions = {}): Promise<Command> {
    return startCommand(this.api.commands, command, options);
  }

  /** The command of this id, started here or anywhere. Asks nothing yet. */
  command(opId: string): Command {
    return new Command(this.api.commands, opId);
  }

  async openTerminal(request: PtyOpenRequest = {}, options: CallOptions = {}): Promise<Terminal> {
    const { ptyId } = await this.api.terminals.open(request, options);
    return new Terminal(this.api.terminals, ptyId);
  }

  /** The terminal of this id. Asks nothing yet. */
  terminal(ptyId: string): Terminal {
    return new Terminal(this.api.terminals, ptyId);
  }

  /** The session as it stands right now. */
  info(options: CallOptions = {}): Promise<Session> {
    return this.#sessions.get(this.id, options);
  }

  /** What the session can do right now; asking never wakes its box. */
  capabilities(options: CallOptions = {}): Promise<CapabilityDocument> {
    return this.#sessions.capabilities(this.id, options);
  }

  /** Captures and frees the box; the next operation wakes it. */
  pause(request: PauseSessionRequest = {}, options: CallOptions = {}): Promise<Session> {
    return this.#sessions.pause(this.id, request, options);
  }

  /** Deletes the session in any state; its box goes with its last session. */
  async delete(options: CallOptions = {}): Promise<void> {
    await this.#sessions.delete(this.id, options);
    this.#isOwned = false;
  }

  /** Lets it outlive its `await using`. */
  keep(): this {
    this.#isOwned = false;
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOwned) return;
    try {
      await this.delete();
    } catch (error) {
      // Somebody else has deleted it, which is what was wanted.
      if (!BoxyardError.hasCode(error, 'not-found')) throw error;
    }
  }
}
