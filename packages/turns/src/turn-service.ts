/** What people do with turns. Who runs them is a worker, in this process or in any other. */
import type {
  Approval,
  DecideApprovalRequest,
  PostedMessage,
  PostMessageRequest,
  Turn,
} from '@boxyard/contracts';
import { type ApprovalRecord, SandboxError, type TurnRecord, type TurnStore } from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';

export interface TurnServiceOptions {
  readonly turns: TurnStore;
  /** Whether any worker of this installation has a model to ask. */
  readonly hasModel: boolean;
}

export class TurnService {
  readonly #options: TurnServiceOptions;

  constructor(options: TurnServiceOptions) {
    this.#options = options;
  }

  /**
   * The message joins the turn of the session that has not ended, else it begins one.
   *
   * @throws SandboxError `unsupported` without a model, `not-found` without the session.
   */
  async post(workspaceId: string, sessionId: string, request: PostMessageRequest): Promise<PostedMessage> {
    if (!this.#options.hasModel) {
      throw new SandboxError(
        'unsupported',
        'The message was refused: this server asks no model. Set BOXYARD_MODEL_BASE_URL and BOXYARD_MODEL.',
        { started: 'no', stage: 'turn' },
      );
    }
    const { text, approvals, maxModelCalls = null, timeBudgetMs = null } = request;
    return this.#options.turns.post({
      workspaceId,
      sessionId,
      turnId: uuidv7(),
      messageId: uuidv7(),
      text,
      limits: { maxModelCalls, timeBudgetMs },
      approvals,
      event: { type: 'turn.message', data: { text } },
    });
  }

  /** @throws SandboxError `not-found` */
  async get(workspaceId: string, sessionId: string, turnId: string): Promise<Turn> {
    const turn = await this.#options.turns.get(workspaceId, sessionId, turnId);
    if (turn === null) throw notFound('turn');
    return this.#describe(turn);
  }

  /**
   * A turn that nobody runs ends at once; one that runs is asked to, and has ended when its terminal event is there.
   *
   * @throws SandboxError `not-found`
   */
  async cancel(workspaceId: string, sessionId: string, turnId: string): Promise<Turn> {
    const present = await this.#options.turns.get(workspaceId, sessionId, turnId);
    if (present === null) throw notFound('turn');
    const turn = await this.#options.turns.cancel(
      { workspaceId, sessionId, turnId },
      { type: 'turn.cancelled', data: { usage: present.usage } },
    );
    if (turn === null) throw notFound('turn');
    return this.#describe(turn);
  }

  /**
   * What was decided once stays; deciding the same again is fine.
   *
   * @throws SandboxError `not-found`, `conflict` for another decision than the one that stands, or when the turn does not wait any more.
   */
  async decide(
    of: { readonly workspaceId: string; readonly sessionId: string; readonly approvalId: string },
    { decision: wanted }: DecideApprovalRequest,
    decidedBy: string,
  ): Promise<Approval> {
    const decision = wanted === 'approve' ? 'approved' : 'rejected';
    const event = { type: 'approval.resolved', data: { approvalId: of.approvalId, decision } };
    const decided = await this.#options.turns.decide(of, decision, decidedBy, event);
    if (decided === null) throw notFound('approval');
    const { approval } = decided;
    if (approval.decision === decision) return describeApproval(approval);
    throw new SandboxError(
      'conflict',
      approval.decision === null
        ? 'The approval was not decided: its turn does not wait any more. Read the turn again.'
        : `The approval was ${approval.decision} before, and stays so.`,
      { started: 'no', stage: 'turn' },
    );
  }

  async #describe(turn: TurnRecord): Promise<Turn> {
    const approvals = await this.#options.turns.approvals(turn.id);
    return {
      id: turn.id,
      status: turn.status,
      attempt: turn.attempt,
      ...(turn.error === null ? {} : { error: turn.error }),
      usage: turn.usage,
      approvals: approvals.map(describeApproval),
      createdAt: turn.createdAt.toISOString(),
      startedAt: turn.startedAt?.toISOString() ?? null,
      endedAt: turn.endedAt?.toISOString() ?? null,
    };
  }
}

const describeApproval = ({ id, callId, tool, arguments: given, decision }: ApprovalRecord): Approval => ({
  id,
  callId,
  tool,
  arguments: given,
  decision,
});

function notFound(what: string): SandboxError {
  return new SandboxError(
    'not-found',
    `There is no such ${what}. Check its id, its session and its workspace.`,
    {
      started: 'no',
      stage: 'turn',
    },
  );
}
