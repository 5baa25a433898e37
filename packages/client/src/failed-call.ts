/** What is known of a call that got no answer. */
import { BoxyardError, type Started } from './boxyard-error.ts';
import type { Deadline } from './deadline.ts';
import type { Route } from './route.ts';

/** Node's word for a connection that never came to be: the server has seen nothing. Browsers do not say. */
const NEVER_CONNECTED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT']);

const nameOf = (route: Route): string => `${route.method} ${route.path}`;

/** Who reads has begun nothing that could matter. */
const startedOf = (route: Route): Started => (route.method === 'GET' ? 'no' : 'unknown');

/** The caller's signal or deadline ended it. */
export function endedError(
  route: Route,
  deadline: Deadline,
  attempts: number,
  cause?: unknown,
): BoxyardError {
  const started = attempts === 0 ? 'no' : startedOf(route);
  if (deadline.isCancelled) {
    return new BoxyardError('cancelled', `${nameOf(route)} was cancelled by its signal.`, {
      started,
      attempts,
      cause,
    });
  }
  const detail = `${nameOf(route)} has no answer within its deadline. Give it more time, and look first at what it did.`;
  return new BoxyardError('timeout', detail, { started, attempts, cause });
}

/** The connection could not be made or broke. */
export function connectionError(route: Route, attempts: number, error: unknown): BoxyardError {
  const reason = reasonOf(error);
  if (neverConnected(error)) {
    return new BoxyardError(
      'unreachable',
      `${nameOf(route)} could not reach the server (${reason}). Check its address and that it runs.`,
      { retryable: true, started: 'no', attempts, cause: error },
    );
  }
  if (wasCutWhileSent(error)) {
    return new BoxyardError(
      'unreachable',
      `The connection broke before ${nameOf(route)} was sent whole (${reason}), so it changed nothing. It is safe to try again.`,
      { retryable: true, started: 'no', attempts, cause: error },
    );
  }
  if (route.repeatable === 'never') {
    return new BoxyardError(
      'outcome-unknown',
      `The connection broke during ${nameOf(route)} (${reason}), so it may or may not have happened. Look at what is there before doing it again.`,
      { attempts, cause: error },
    );
  }
  return new BoxyardError(
    'unreachable',
    `The connection broke during ${nameOf(route)} (${reason}). It is safe to try again.`,
    { retryable: true, started: startedOf(route), attempts, cause: error },
  );
}

/**
 * The last failure, in the light of those before it: what an earlier attempt may have begun is not undone because a
 * later one did not get through.
 */
export function afterDoubt(failure: BoxyardError, earlier: BoxyardError | null): BoxyardError {
  if (earlier === null || failure.started !== 'no') return failure;
  const { status, retryable, requestId, stage, errors, retryAfterMs, attempts } = failure;
  const known = { status, retryable, requestId, stage, errors, retryAfterMs, attempts };
  return new BoxyardError(
    failure.code,
    `${failure.detail} An earlier attempt may have begun it (${earlier.code}).`,
    { ...known, started: earlier.started, cause: failure },
  );
}

function neverConnected(error: unknown): boolean {
  for (const each of causesOf(error)) {
    const code = (each as { readonly code?: unknown }).code;
    if (typeof code === 'string' && NEVER_CONNECTED.has(code)) return true;
  }
  return false;
}

/**
 * A failed write means that at least the bytes of that write stayed here, and the server does nothing before it has
 * a request whole: it parses a body first, and puts an upload in place at its end. It is what happens when a
 * connection was closed while it rested and this process was too busy to notice. One request is on a connection at a
 * time, so the bytes are of this one. A failed read proves nothing: the whole request may have arrived.
 */
function wasCutWhileSent(error: unknown): boolean {
  return causesOf(error).some((each) => (each as { readonly syscall?: unknown }).syscall === 'write');
}

/** fetch says only "fetch failed"; what happened is its cause. */
const reasonOf = (error: unknown): string =>
  causesOf(error)
    .map((each) => (each instanceof Error ? each.message : ''))
    .findLast((message) => message !== '') ?? 'no reason given';

function causesOf(error: unknown): readonly object[] {
  const found: object[] = [];
  // The bound keeps a circle of causes from going round for ever.
  for (let each = error; typeof each === 'object' && each !== null && found.length < 10; ) {
    found.push(each);
    each = (each as { readonly cause?: unknown }).cause;
  }
  return found;
}
