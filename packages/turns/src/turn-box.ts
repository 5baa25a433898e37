// The box of a turn: not opened before a tool needs it, held until the turn lets go, and wherever the session works.
import type { SwapTarget } from '@boxyard/contracts';
import type { BackendRegistry, Box, Redactor, SessionStore, TurnRecord } from '@boxyard/sandbox-core';
import type { ActiveBox, ActiveBoxes, SessionService } from '@boxyard/sessions';
import { v7 as uuidv7 } from 'uuid';
import type { BoxTools } from './turn-agent.ts';

export interface TurnBoxes {
  readonly boxes: ActiveBoxes;
  readonly service: SessionService;
  readonly sessions: SessionStore;
  readonly providers: BackendRegistry;
}

/** What a command on another box may print for the model. */
const MOST_OUTPUT_BYTES = 64 * 1024;
const RUN_ON_LIMIT_MS = 10 * 60_000;

export class TurnBox implements BoxTools, AsyncDisposable {
  /** Of the session's own box, for the life of the session: what the model learned of paths stays true. */
  readonly root: string;
  readonly #options: TurnBoxes;
  readonly #turn: TurnRecord;
  readonly #signal: AbortSignal;
  /** Of every group that the session worked in meanwhile: each has secrets of its own. */
  readonly #redactors: Redactor[];
  #opening: Promise<ActiveBox> | null = null;

  private constructor(
    options: TurnBoxes,
    turn: TurnRecord,
    { root, redactor, signal }: { root: string; redactor: Redactor; signal: AbortSignal },
  ) {
    this.#options = options;
    this.#turn = turn;
    this.root = root;
    this.#redactors = [redactor];
    this.#signal = signal;
  }

  /** Opens nothing. */
  static async of(options: TurnBoxes, turn: TurnRecord, signal: AbortSignal): Promise<TurnBox> {
    const { group } = await options.boxes.find(turn.workspaceId, turn.sessionId);
    const redactor = await options.boxes.redactorFor(group.id);
    const root = options.providers.provider(group.backend).workspaceRoot(group.id);
    return new TurnBox(options, turn, { root, redactor, signal });
  }

  async open(): Promise<Box> {
    this.#opening ??= this.#options.boxes
      .open(this.#turn.workspaceId, this.#turn.sessionId, this.#holder(), {
        mutates: true,
        onSwap: 'follow',
        signal: this.#signal,
      })
      .catch((error: unknown) => {
        this.#opening = null;
        throw error;
      });
    const active = await this.#opening;
    await this.#hideSecretsOf(active.group.id);
    return active.box;
  }

  /** They hide what the environments of the boxes hold. */
  get redactors(): readonly Redactor[] {
    return this.#redactors;
  }

  async #hideSecretsOf(groupId: string): Promise<void> {
    const redactor = await this.#options.boxes.redactorFor(groupId);
    if (!this.#redactors.includes(redactor)) this.#redactors.push(redactor);
  }

  async swap(target: SwapTarget, carry: boolean): Promise<string> {
    const { workspaceId, sessionId } = this.#turn;
    const call = { holder: this.#holder(), signal: this.#signal };
    const { activeSandboxId, receipt } = await this.#options.service.swap(
      workspaceId,
      sessionId,
      { target, carry },
      call,
    );
    const files = receipt === undefined ? '' : ` Files: ${JSON.stringify(receipt)}.`;
    return `This session works in ${activeSandboxId ?? 'its own box'} now.${files}`;
  }

  async runOn(groupId: string, command: string): Promise<string> {
    const group = await this.#options.sessions.getGroup(this.#turn.workspaceId, groupId);
    if (group === null) return `There is no box ${groupId} in this workspace.`;
    const holder = { ...this.#holder(), id: `${this.#turn.id}.${uuidv7()}` };
    await using active = await this.#options.boxes.openGroupBox(group, holder, {
      mutates: true,
      signal: this.#signal,
    });
    await this.#hideSecretsOf(group.id);
    const { stdout, stderr, exitCode } = await active.box.exec(
      { program: { script: command }, maxOutputBytes: MOST_OUTPUT_BYTES, runLimitMs: RUN_ON_LIMIT_MS },
      { signal: this.#signal, deadlineMs: 2 * RUN_ON_LIMIT_MS },
    );
    const text = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join('');
    return `Process exited with code ${exitCode}\nOutput:\n${text}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const active = await this.#opening?.catch(() => null);
    await active?.[Symbol.asyncDispose]();
  }

  #holder() {
    return { kind: 'turn', id: `${this.#turn.id}.${this.#turn.attempt}`, subject: this.#turn.id } as const;
  }
}
