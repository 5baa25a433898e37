// What the relay refused, told to the log, and to the audit where it is known who was refused.
import type { RelayNotice, TokenHolder } from '@boxyard/streaming/relay';
import { v7 as uuidv7 } from 'uuid';
import type { PartsContext } from './parts-context.ts';

type AuditContext = Pick<PartsContext, 'store' | 'log' | 'onTrouble'>;
type Refused = Extract<RelayNotice, { kind: 'refused' | 'overstepped' }>;

/** Somebody who tries again and again is not to fill the audit; the log has every attempt. */
const MAX_AUDITED_PER_MINUTE = 300;

/** For `onNotice` of a relay. */
export function streamAudit(context: AuditContext): (notice: RelayNotice) => void {
  const { log } = context;
  const audit = auditOf(context);
  return (notice) => {
    if (notice.kind === 'opened' || notice.kind === 'closed') log.debug({ notice }, 'a stream');
    else {
      log.warn({ notice }, notice.kind === 'refused' ? 'a stream was refused' : 'a watcher tried to type');
      audit(notice);
    }
  };
}

/** Writes down what holders of genuine tokens were refused. */
function auditOf({ store, onTrouble }: AuditContext) {
  let minute = 0;
  let written = 0;
  return (notice: Refused): void => {
    const { holder, detail } = told(notice);
    const now = Math.floor(Date.now() / 60_000);
    if (now !== minute) [minute, written] = [now, 0];
    written += 1;
    if (holder === null || written > MAX_AUDITED_PER_MINUTE) return;
    const { workspaceId, agentId, viewerId, sessionId } = holder;
    const isMachine = viewerId === null && agentId !== null;
    store.audit
      .append([
        {
          id: uuidv7(),
          workspaceId,
          sessionId,
          actor: isMachine ? { kind: 'machine', id: agentId } : { kind: 'system', id: 'relay' },
          action: 'access',
          target: agentId,
          requestId: null,
          outcome: 'denied',
          detail: { ...detail, ...(viewerId === null ? {} : { viewerId }) },
        },
      ])
      .catch(onTrouble);
  };
}

function told(notice: Refused): {
  readonly holder: TokenHolder | null;
  readonly detail: Readonly<Record<string, unknown>>;
} {
  if (notice.kind === 'refused') {
    const { holder, reason, agentId, port } = notice;
    return { holder, detail: { what: 'a stream', fault: reason, askedFor: agentId, port } };
  }
  const { workspaceId, agentId, port, viewer } = notice.ticket;
  const holder = {
    workspaceId,
    agentId,
    viewerId: viewer?.viewerId ?? null,
    sessionId: viewer?.sessionId ?? null,
  };
  return { holder, detail: { what: 'input of a stream', fault: 'the token is for viewing only', port } };
}
