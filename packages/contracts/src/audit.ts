import { z } from 'zod';
import { Id, Uuid } from './identifiers.ts';
import { PageQuery, pageOf } from './page.ts';
import { Timestamp } from './timestamp.ts';

/** What is written down about who did what. Names are never reused for something else. */
export const AUDIT_ACTIONS = [
  'workspace.create',
  'key.create',
  'key.revoke',
  'enrollment.approve',
  'enrollment.deny',
  'enrollment.token',
  'enrollment.exchange',
  'enrollment.refresh',
  'enrollment.revoke',
  'session.create',
  'session.delete',
  'session.pause',
  'session.swap',
  'session.source-token',
  'command.run',
  'command.attach',
  'command.input',
  'command.kill',
  'terminal.open',
  'terminal.attach',
  'terminal.input',
  'terminal.close',
  'port.open',
  'turn.message',
  'turn.cancel',
  'approval.decide',
  'canary.run',
  'sweep.run',
  'budget.set',
  /** A refused attempt at something that is not audited when it is allowed. */
  'access',
] as const;

export const AuditAction = z.enum(AUDIT_ACTIONS);
export type AuditAction = z.infer<typeof AuditAction>;

/**
 * `started`: written in the step that began it, before anybody knew how it would end. `unknown`: it failed, and
 * may have happened all the same. What certainly did not happen is not written down, unless it was `denied`.
 */
export const AuditOutcome = z.enum(['done', 'started', 'unknown', 'denied']);
export type AuditOutcome = z.infer<typeof AuditOutcome>;

/** Who did it: a key, an enrolled machine, whoever held an enrollment token, or this server by itself. */
export const AuditActor = z.object({
  kind: z.enum(['key', 'machine', 'enrollment-token', 'system']),
  id: z.string().min(1),
});
export type AuditActor = z.infer<typeof AuditActor>;

/** One line of the audit. It is written once and stays until its retention has passed. */
export const AuditEntry = z.object({
  id: Id,
  at: Timestamp,
  workspaceId: Id,
  sessionId: z.string().nullable(),
  actor: AuditActor,
  action: AuditAction,
  /** The id of what it was done to: a session, a command, a terminal, a key, a workspace. */
  target: z.string().nullable(),
  requestId: z.string().nullable(),
  outcome: AuditOutcome,
  /** A command's text is in it after the redactor; environment values and input never are. */
  detail: z.record(z.string(), z.unknown()),
});
export type AuditEntry = z.infer<typeof AuditEntry>;

/** Query of `GET audit`: newest first. */
export const AuditQuery = PageQuery.extend({
  action: AuditAction.optional(),
  /** Id of the key, or the name of the part of the server. */
  actor: z.string().min(1).max(128).optional(),
  session: Uuid.optional(),
  /** Not before this moment. */
  from: Timestamp.optional(),
  /** Before this moment. */
  to: Timestamp.optional(),
});
export type AuditQuery = z.infer<typeof AuditQuery>;

/** Answer of `GET audit`. */
export const AuditList = pageOf(AuditEntry);
export type AuditList = z.infer<typeof AuditList>;
