import { z } from 'zod';
import { Id } from './identifiers.ts';
import { Timestamp } from './timestamp.ts';

/** A timer's bound: what is longer than this many milliseconds fires at once. */
const MAX_TIMER_MS = 2_147_483_647;

/** Name of a tool as the model calls it. */
const ToolName = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be the name of a tool');

/** Body of `POST messages`: joins the turn that has not ended, else begins one with these limits. */
export const PostMessageRequest = z.strictObject({
  text: z
    .string()
    .min(1)
    .max(1_000_000)
    .regex(/^[^\0]*$/, 'must not hold NUL'),
  /** Tools whose calls wait for a person: `exec_command`, `apply_patch`, … */
  approvals: z.array(ToolName).max(64).default([]),
  /** Questions to the model before the turn fails; the server's own limit when absent. */
  maxModelCalls: z.int().min(1).max(10_000).optional(),
  /** From the first attempt on. */
  timeBudgetMs: z.int().min(1000).max(MAX_TIMER_MS).optional(),
});
export type PostMessageRequest = z.infer<typeof PostMessageRequest>;

/** Answer of `POST messages`. */
export const PostedMessage = z.object({ turnId: Id, isNewTurn: z.boolean() });
export type PostedMessage = z.infer<typeof PostedMessage>;

/** `waiting` is for an approval; the last three are the end. */
export const TurnStatus = z.enum(['queued', 'running', 'waiting', 'completed', 'failed', 'cancelled']);
export type TurnStatus = z.infer<typeof TurnStatus>;

/** Why a turn failed: `code` for programs, `message` for people. */
export const TurnError = z.object({ code: z.string(), message: z.string() });
export type TurnError = z.infer<typeof TurnError>;

export const TurnUsage = z.object({
  modelCalls: z.int().nonnegative(),
  inputTokens: z.int().nonnegative(),
  outputTokens: z.int().nonnegative(),
});
export type TurnUsage = z.infer<typeof TurnUsage>;

/** A tool call that waits, or waited, for a person. */
export const Approval = z.object({
  id: Id,
  callId: z.string(),
  tool: z.string(),
  arguments: z.string(),
  decision: z.enum(['approved', 'rejected']).nullable(),
});
export type Approval = z.infer<typeof Approval>;

/** One run of the agent. */
export const Turn = z.object({
  id: Id,
  status: TurnStatus,
  /** How often it was taken up, by whichever worker. 0 before the first time. */
  attempt: z.int().nonnegative(),
  error: TurnError.optional(),
  usage: TurnUsage,
  approvals: z.array(Approval),
  createdAt: Timestamp,
  startedAt: Timestamp.nullable(),
  endedAt: Timestamp.nullable(),
});
export type Turn = z.infer<typeof Turn>;

/** Body of `POST approvals/:approvalId`. */
export const DecideApprovalRequest = z.strictObject({ decision: z.enum(['approve', 'reject']) });
export type DecideApprovalRequest = z.infer<typeof DecideApprovalRequest>;
