// What a machine answers when it refuses, and what the caller of a box is told of it.

import { type AgentError, AgentErrorSchema, ErrorCode } from '@boxyard/agent-proto/messages';
import {
  SANDBOX_ERROR_CODES,
  SandboxError,
  type SandboxErrorCode,
  type Started,
} from '@boxyard/sandbox-core';
import { create } from '@bufbuild/protobuf';
import { NEVER_SENT } from './wire-answers.ts';

/** Why a capability of a machine cannot be had now, as negotiation names it. */
export type MachineReason = 'agent_offline' | 'agent_reconnecting' | 'consent_required';

/** The error of the wire behind a `SandboxError`, as its `cause`. */
export class MachineFailure extends Error {
  override readonly name = 'MachineFailure';
  readonly code: ErrorCode;
  readonly reason: MachineReason | null;
  readonly retryable: boolean;
  readonly detail: Readonly<Record<string, string>>;

  constructor({ code, message, retryable, detail }: AgentError) {
    super(message);
    this.code = code;
    this.reason = REASONS.get(code) ?? null;
    this.retryable = retryable || ALWAYS_RETRYABLE.has(code);
    this.detail = detail;
  }

  /** Never "not found": a user's machine is not replaced by a fresh box. */
  get agentOffline(): boolean {
    return this.code === ErrorCode.AGENT_OFFLINE;
  }

  get draining(): boolean {
    return this.code === ErrorCode.DRAINING;
  }

  get fenced(): boolean {
    return this.code === ErrorCode.FENCED;
  }

  /** A path, never the machine. */
  get osNotFound(): boolean {
    return this.code === ErrorCode.NOT_FOUND;
  }

  get neverSent(): boolean {
    return this.detail[NEVER_SENT] === '1';
  }
}

const REASONS: ReadonlyMap<ErrorCode, MachineReason> = new Map([
  [ErrorCode.AGENT_OFFLINE, 'agent_offline'],
  [ErrorCode.TIMEOUT, 'agent_reconnecting'],
  [ErrorCode.CONSENT_REQUIRED, 'consent_required'],
]);
const ALWAYS_RETRYABLE: ReadonlySet<ErrorCode> = new Set([
  ErrorCode.TIMEOUT,
  ErrorCode.DRAINING,
  ErrorCode.FENCED,
]);

/** The reason behind an error of a machine's box; null for every other error. */
export function machineReason(error: unknown): MachineReason | null {
  const cause = SandboxError.isInstance(error) ? error.cause : error;
  return cause instanceof MachineFailure ? cause.reason : null;
}

const WIRE_CODES: Readonly<Partial<Record<SandboxErrorCode, ErrorCode>>> = {
  fenced: ErrorCode.FENCED,
  unsupported: ErrorCode.UNSUPPORTED,
  'not-found': ErrorCode.NOT_FOUND,
  timeout: ErrorCode.TIMEOUT,
  closed: ErrorCode.DRAINING,
};
const ERRNOS: Readonly<Partial<Record<SandboxErrorCode, string>>> = {
  conflict: 'EEXIST',
  denied: 'EACCES',
  invalid: 'EINVAL',
  quota: 'ENOSPC',
  'too-large': 'EFBIG',
};

/** What a box answered, for the wire. The detail keeps what only our own clients understand. */
export function agentErrorOf(error: unknown): AgentError {
  if (error instanceof WireRefusal) return error.error;
  if (!SandboxError.isInstance(error)) {
    return create(AgentErrorSchema, {
      code: ErrorCode.OS,
      message: 'The machine failed at it. Look at its log.',
      detail: { box_code: 'outcome-unknown' },
    });
  }
  const errno = ERRNOS[error.code];
  return create(AgentErrorSchema, {
    code: WIRE_CODES[error.code] ?? ErrorCode.OS,
    message: error.message,
    retryable: error.retryable,
    detail: {
      box_code: error.code,
      started: error.started,
      ...(error.stage === '' ? {} : { stage: error.stage }),
      ...(errno === undefined ? {} : { errno }),
    },
  });
}

/** A refusal of the wire itself, made on the machine. */
export class WireRefusal extends Error {
  override readonly name = 'WireRefusal';
  readonly error: AgentError;

  constructor(code: ErrorCode, message: string, detail: Readonly<Record<string, string>> = {}) {
    super(message);
    const retryable = ALWAYS_RETRYABLE.has(code);
    this.error = create(AgentErrorSchema, { code, message, retryable, detail: { ...detail } });
  }
}

/**
 * What the caller is told.
 *
 * @param what Begins the message, for instance `Writing "a.txt"`.
 * @param changes Whether the request could have changed something: then no answer means that nobody knows.
 */
export function sandboxErrorOf(error: AgentError, what: string, changes: boolean): SandboxError {
  const failure = new MachineFailure(error);
  const told = toldBy(failure);
  if (told !== null) return told;
  const say = (
    code: SandboxErrorCode,
    message: string,
    options: { started?: Started; retryable?: boolean } = {},
  ) => new SandboxError(code, `${what}: ${message}`, { cause: failure, ...options });
  const refused = { started: 'no' } as const;
  switch (failure.code) {
    case ErrorCode.AGENT_OFFLINE:
      return say('unreachable', 'the machine is offline. It goes on when the machine is back.', {
        // Whoever says so knows that nobody has heard it.
        started: 'no',
        retryable: failure.neverSent || !changes,
      });
    case ErrorCode.TIMEOUT:
      return changes
        ? say('outcome-unknown', 'the machine did not answer. Look at the result before you repeat it.')
        : say('unreachable', 'the machine did not answer. Try again.');
    case ErrorCode.DRAINING:
      return say('unreachable', 'the machine takes no new work now. Try again.', {
        ...refused,
        retryable: true,
      });
    case ErrorCode.FENCED:
      return say('fenced', 'the session works elsewhere since. Open the active box again.', refused);
    case ErrorCode.CONSENT_REQUIRED:
      return say('denied', `${failure.message || 'the owner of the machine does not allow it.'}`, refused);
    case ErrorCode.NOT_FOUND:
      return say('not-found', failure.message, refused);
    case ErrorCode.UNSUPPORTED:
      return say('unsupported', `the machine cannot do it: ${failure.message}`, refused);
    case ErrorCode.PAYLOAD_TOO_LARGE:
      return say('too-large', `${failure.message} Ask for less at once.`);
    case ErrorCode.OS:
      return say(codeOfErrno(failure.detail.errno), failure.message);
    default:
      return say('unreachable', `the machine answered with an error: ${failure.message}`, {
        retryable: failure.retryable,
      });
  }
}

/** The error of the box on the other side, as it was. That box is the machine's: it is never gone for us. */
function toldBy(failure: MachineFailure): SandboxError | null {
  const { box_code: code, stage, started } = failure.detail;
  if (code === undefined || !isCode(code)) return null;
  return new SandboxError(code === 'gone' ? 'unreachable' : code, failure.message, {
    cause: failure,
    retryable: failure.retryable,
    ...(stage === undefined ? {} : { stage }),
    ...(started === 'no' || started === 'yes' ? { started } : {}),
  });
}

const isCode = (code: string): code is SandboxErrorCode =>
  (SANDBOX_ERROR_CODES as readonly string[]).includes(code);

function codeOfErrno(errno: string | undefined): SandboxErrorCode {
  switch (errno) {
    case 'ENOENT':
    case '2':
      return 'not-found';
    case 'EEXIST':
    case 'ENOTEMPTY':
    case '17':
    case '39':
      return 'conflict';
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case '1':
    case '13':
    case '30':
      return 'denied';
    case 'ENOSPC':
    case 'EDQUOT':
    case '28':
    case '122':
      return 'quota';
    case undefined:
      return 'outcome-unknown';
    default:
      return 'invalid';
  }
}
