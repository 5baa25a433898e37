// The box of a turn: not opened before a tool needs it, held until the turn lets go, and wherever the session works.
import type { Machine, RestoreReceipt } from '@boxyard/contracts';
import type { BackendRegistry, Box, Redactor, SessionStore, TurnRecord } from '@boxyard/sandbox-core';
import type { ActiveBox, ActiveBoxes, GroupRedactors, SessionService } from '@boxyard/sessions';
import { v7 as uuidv7 } from 'uuid';
import { describeMachines, machineNamed, swapTarget } from './named-box.ts';
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
/** Half of how long a new token is in the record before a box has it, and a little less. */
const LOOK_FOR_TOKENS_MS = 2_000;

export class TurnBox implements BoxTools, AsyncDisposable {
  /** Of the session's own box, for the life of the session: what the model learned of paths stays true. */
  readonly root: string;
  readonly listMachines: (() => Promise<string>) | null;
  readonly #options: TurnBoxes;
  readonly #turn: TurnRecord;
  readonly #signal: AbortSignal;
  /** Of every group that the session worked in meanwhile, and of every token that they had: only added to. */
  readonly #hidden: GroupRedactors[] = [];
  readonly #groups = new Set<string>();
  readonly #looking: NodeJS.Timeout;
  #opening: Promise<ActiveBox> | null = null;
  #active: ActiveBox | null = null;
  /** The box that the model knows of. */
  #told: { readonly groupId: string; readonly epoch: number } | null = null;

  private constructor(options: TurnBoxes, turn: TurnRecord, root: string, signal: AbortSignal) {
    this.#options = options;
    this.listMachines = options.service.hasMachines
      ? async () => describeMachines(await this.#machines())
      : null;
    this.#turn = turn;
    this.root = root;
    this.#signal = signal;
    // A look that fails is not the last one.
    const look = () => void this.#lookForTokens().catch(() => undefined);
    this.#looking = setInterval(look, LOOK_FOR_TOKENS_MS);
  }

  /** Opens nothing. */
  static async of(options: TurnBoxes, turn: TurnRecord, signal: AbortSignal): Promise<TurnBox> {
    const { group } = await options.boxes.find(turn.workspaceId, turn.sessionId);
    const facts = await options.boxes.machineFacts(group);
    const root = facts?.workspaceRoot ?? options.providers.provider(group.backend).workspaceRoot(group.id);
    const box = new TurnBox(options, turn, root, signal);
    try {
      await box.#hideSecretsOf(group.id);
      return box;
    } catch (error) {
      await box[Symbol.asyncDispose]();
      throw error;
    }
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
    this.#active = active;
    this.#told ??= placeOf(active);
    if (!this.#groups.has(active.group.id)) await this.#hideSecretsOf(active.group.id);
    return active.box;
  }

  /** What the model has to know of its box and was not told yet: that another one took its place. */
  news(): readonly string[] {
    if (this.#active === null) return [];
    const [before, now] = [this.#told, placeOf(this.#active)];
    this.#told = now;
    // That the session went to another group was told by the tool that sent it there.
    if (before === null || before.groupId !== now.groupId || before.epoch === now.epoch) return [];
    return [
      `The box that this session had was stopped, and another one took its place: commands and servers of before have ended. ${filesNow(this.#active.receipt)}`,
    ];
  }

  /** They hide what the environments of the boxes hold, and their tokens. */
  get redactors(): readonly Redactor[] {
    return this.#hiding().map(({ all }) => all);
  }

  /** What the model is told, without the tokens by which git is let in: they are for git alone. */
  withoutTokens(text: string): string {
    return this.#hiding().reduce((shown, { tokens }) => tokens.redact(shown), text);
  }

  async #hideSecretsOf(groupId: string): Promise<void> {
    const redactors = await this.#options.boxes.redactorsNow(this.#turn.workspaceId, groupId);
    this.#groups.add(groupId);
    this.#hide(redactors);
  }

  #hide(redactors: GroupRedactors): void {
    if (!this.#hidden.includes(redactors)) this.#hidden.push(redactors);
  }

  /** What this process heard of meanwhile counts at once; what others replaced is looked for now and then. */
  #hiding(): readonly GroupRedactors[] {
    for (const groupId of this.#groups) {
      const known = this.#options.boxes.redactorsKnown(groupId);
      if (known !== null) this.#hide(known);
    }
    return this.#hidden;
  }

  /** A token may be replaced while a command runs. */
  async #lookForTokens(): Promise<void> {
    for (const groupId of this.#groups) await this.#hideSecretsOf(groupId);
  }

  async swap(named: string, carry: boolean): Promise<string> {
    const { workspaceId, sessionId } = this.#turn;
    const call = { holder: this.#holder(), signal: this.#signal };
    const target = swapTarget(named, await this.#machines());
    const { activeSandboxId, receipt } = await this.#options.service.swap(
      workspaceId,
      sessionId,
      { target, carry },
      call,
    );
    if (this.#active !== null) this.#told = placeOf(this.#active);
    const files = receipt === undefined ? '' : ` Files: ${JSON.stringify(receipt)}.`;
    return `This session works in ${activeSandboxId ?? 'its own box'} now.${files}`;
  }

  async runOn(named: string, command: string): Promise<string> {
    const { workspaceId } = this.#turn;
    const machine = machineNamed(named, await this.#machines());
    const group =
      machine === null
        ? await this.#options.sessions.getGroup(workspaceId, named)
        : await this.#options.service.groupOfMachine(workspaceId, machine.id);
    if (group === null) return `There is no box ${named} in this workspace.`;
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

  #machines(): Promise<readonly Machine[]> {
    return this.#options.service.machines(this.#turn.workspaceId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#looking);
    const active = await this.#opening?.catch(() => null);
    await active?.[Symbol.asyncDispose]();
  }

  #holder() {
    return { kind: 'turn', id: `${this.#turn.id}.${this.#turn.attempt}`, subject: this.#turn.id } as const;
  }
}

const placeOf = ({ group, epoch }: ActiveBox) => ({ groupId: group.id, epoch });

function filesNow(receipt: RestoreReceipt | null): string {
  switch (receipt?.kind) {
    case undefined:
      return 'Its files are as the record has them: look before you rely on the newest.';
    case 'EXACT':
      return 'Its files are as they were.';
    case 'STALE':
      return `Its files are those of ${receipt.from}: what was written after that is missing.`;
    case 'INCOMPLETE':
      return 'Files are missing: look at what is there.';
  }
}
