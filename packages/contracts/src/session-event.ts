import { z } from 'zod';
import { Backend } from './backend-descriptor.ts';
import { EnvironmentName } from './environment.ts';
import { Id, Uuid } from './identifiers.ts';
import { pageOf } from './page.ts';
import type { Permission } from './permission.ts';
import { ProblemCode } from './problem.ts';
import { PtyExitReason } from './pty.ts';
import { RestoreReceipt } from './restore-receipt.ts';
import { Revision } from './revision.ts';
import { StopCause } from './stop-cause.ts';
import { Timestamp } from './timestamp.ts';
import { TurnError, TurnUsage } from './turn.ts';
import { WorkspacePath } from './workspace-path.ts';

const FsChange = z.object({
  path: WorkspacePath,
  kind: z.enum(['created', 'modified', 'deleted', 'renamed']),
  isDir: z.boolean(),
  sizeBytes: z.int().nonnegative().nullable(),
  /** With `renamed`: what it was called before. */
  oldPath: WorkspacePath.optional(),
});

/** An event as it is stored and sent. */
const event = <Type extends string, Payload extends z.ZodType>(type: Type, payload: Payload) =>
  z.object({
    /** Per session, without holes that a reader could miss; the `id:` of the stream. */
    seq: z.int().positive(),
    sessionId: Id,
    type: z.literal(type),
    at: Timestamp,
    revision: Revision,
    leaseEpoch: z.int().nonnegative(),
    /** The turn that it belongs to. */
    turnId: Id.optional(),
    payload,
  });

/** Everything that happens to a session, told by `type`. Output has passed the redactor. */
export const SessionEvent = z.discriminatedUnion('type', [
  event('session.created', z.object({ sandboxGroupId: Id, backend: Backend })),
  event('session.deleted', z.object({})),
  /** A box that there was not before; `sandbox.restored` follows when files were put into it. */
  event('sandbox.created', z.object({ backend: Backend })),
  /** The box that the session had is up again, with its files as they were. */
  event('sandbox.resumed', z.object({ backend: Backend })),
  event('sandbox.restored', z.object({ receipt: RestoreReceipt })),
  /** `reason` is for people: who let go last, that somebody paused it, that its lifetime ended. `cause` is for
   * programs; events of earlier versions lack it. */
  event('sandbox.paused', z.object({ reason: z.string(), cause: StopCause.optional() })),
  /** The box is proven gone without anybody having stopped it; what ran there has ended. Another one takes its place. */
  event('sandbox.lost', z.object({ detail: z.string() })),
  event('sandbox.failed', z.object({ code: ProblemCode, stage: z.string(), detail: z.string() })),
  /** The session works in another box; null is its own. `receipt`: of a workspace that was carried along. */
  event(
    'sandbox.swapped',
    z.object({
      from: Id.nullable(),
      to: Id.nullable(),
      activeEpoch: z.int().nonnegative(),
      receipt: RestoreReceipt.optional(),
    }),
  ),
  /** A changed environment that a live box does not take over. Names only. */
  event('sandbox.environment.changed', z.object({ names: z.array(EnvironmentName) })),
  event('fs.changed', z.object({ changes: z.array(FsChange), source: z.enum(['write', 'watch', 'agent']) })),
  /** `path`: the repository's folder. */
  event('git.changed', z.object({ path: WorkspacePath })),
  event(
    'sandbox.command.started',
    z.object({ opId: Uuid, command: z.string(), cwd: WorkspacePath, background: z.boolean() }),
  ),
  event(
    'sandbox.command.output.delta',
    z.object({
      stream: z.enum(['stdout', 'stderr']),
      chunk: z.string(),
      opId: Uuid,
      /** Counts the deltas of one op. */
      seq: z.int().nonnegative(),
    }),
  ),
  event(
    'sandbox.command.exited',
    z.object({
      opId: Uuid,
      /** Null with `lost`: how it ended is not known. */
      exitCode: z.int().nullable(),
      signal: z.string().nullable(),
      timedOut: z.boolean(),
      lost: z.string().nullable(),
    }),
  ),
  /** No more deltas of this op follow; its stream has everything. */
  event('output.elided', z.object({ opId: Uuid, afterBytes: z.int().nonnegative() })),
  event('terminal.pty.started', z.object({ ptyId: Id, cols: z.int(), rows: z.int() })),
  event('terminal.pty.output.delta', z.object({ ptyId: Id, chunk: z.string(), seq: z.int().nonnegative() })),
  event('terminal.pty.exited', z.object({ ptyId: Id, exitCode: z.int().nullable(), reason: PtyExitReason })),
  event('turn.started', z.object({ attempt: z.int().positive() })),
  /** One of these three is the end of a turn, and the only one. */
  event('turn.completed', z.object({ usage: TurnUsage })),
  event('turn.failed', z.object({ error: TurnError, usage: TurnUsage })),
  event('turn.cancelled', z.object({ usage: TurnUsage })),
  /** What a person said: at the beginning of the turn, or while it ran. */
  event('turn.message', z.object({ text: z.string() })),
  /** `answer`: which answer of the model in this turn it is part of, from 1; events of earlier versions lack it. */
  event('model.text.delta', z.object({ text: z.string(), answer: z.int().positive().optional() })),
  /** This answer broke off and is asked for again: the deltas of it so far do not count. */
  event('model.text.superseded', z.object({ answer: z.int().positive(), reason: z.string() })),
  /** What the turn has used so far, after each answer of the model. */
  event('turn.usage', z.object({ usage: TurnUsage })),
  event('tool.call.started', z.object({ callId: z.string(), tool: z.string(), arguments: z.string() })),
  /** What a command printed while its tool waited. `elided`: more came that is not told here. */
  event('tool.call.output.delta', z.object({ callId: z.string(), chunk: z.string(), elided: z.boolean() })),
  event(
    'tool.call.completed',
    z.object({
      callId: z.string(),
      tool: z.string(),
      /** What the model is told; cut where it is long. */
      output: z.string(),
      truncated: z.boolean(),
    }),
  ),
  event(
    'approval.requested',
    z.object({ approvalId: Id, callId: z.string(), tool: z.string(), arguments: z.string() }),
  ),
  event('approval.resolved', z.object({ approvalId: Id, decision: z.enum(['approved', 'rejected']) })),
]);
export type SessionEvent = z.infer<typeof SessionEvent>;

export type SessionEventType = SessionEvent['type'];

/** An event of one type. */
export type SessionEventOf<Type extends SessionEventType> = Extract<SessionEvent, { type: Type }>;

/** What a writer says of an event; the store adds the rest. */
export type SessionEventDraft = {
  [Type in SessionEventType]: { type: Type; data: SessionEventOf<Type>['payload'] };
}[SessionEventType];

/** What a reader needs besides `sessions:read` to be sent events of these types; the rest is for every reader. */
export const EVENT_PERMISSIONS: Readonly<Partial<Record<SessionEventType, Permission>>> = {
  'fs.changed': 'files:read',
  'git.changed': 'files:read',
  'sandbox.command.output.delta': 'terminal:attach',
  'terminal.pty.output.delta': 'terminal:attach',
  'tool.call.started': 'terminal:attach',
  'tool.call.output.delta': 'terminal:attach',
  'tool.call.completed': 'terminal:attach',
  'approval.requested': 'sessions:control',
};

/** Query of `GET events`; as a stream, `Last-Event-ID` wins over `after`. */
export const SessionEventQuery = z.object({
  /** Only events with a higher `seq`. */
  after: z.coerce.number().pipe(z.int().nonnegative()).default(0),
  cursor: z.string().min(1).max(1024).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(200),
});
export type SessionEventQuery = z.infer<typeof SessionEventQuery>;

/** Answer of `GET events` as JSON. */
export const SessionEventList = pageOf(SessionEvent);
export type SessionEventList = z.infer<typeof SessionEventList>;
