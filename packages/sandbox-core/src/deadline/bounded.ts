import { type CallOptions, DEFAULT_DEADLINE_MS } from '../call-options.ts';
import { SandboxError } from '../sandbox-error.ts';

// setTimeout turns anything longer into 1 ms.
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What a bounded piece of work knows about its caller's wait. */
export interface BoundedCall {
  /** Options for a call made on the way: the same signal and the time that is left. */
  left(): { readonly signal: AbortSignal; readonly deadlineMs: number };
  /**
   * Says that the work moves on. Restarts the default deadline, so that a long transfer without a named
   * deadline ends only when nothing moves; a deadline that the caller named stays what it is.
   */
  progress(): void;
}

/**
 * Waits for `run` as long as the caller is willing to, whatever `run` does. Its signal aborts when the wait
 * ends, so that work which listens can stop; work which does not listen is left behind and its end ignored.
 *
 * @param what Begins the error's message, for instance `Reading "a.txt"`.
 * @throws SandboxError `cancelled` when the caller's signal aborts (`started: 'no'` and `run` is never called
 * when it had aborted already), `timeout` after the deadline, `invalid` for a deadline that is no number;
 * otherwise what `run` throws.
 */
export function bounded<T>(
  options: CallOptions | undefined,
  what: string,
  run: (signal: AbortSignal, call: BoundedCall) => Promise<T>,
): Promise<T> {
  const caller = options?.signal;
  const deadlineMs = options?.deadlineMs ?? DEFAULT_DEADLINE_MS;
  if (caller?.aborted) return Promise.reject(cancelled(what, 'no', caller.reason));
  if (!(deadlineMs > 0)) {
    return Promise.reject(
      Number.isNaN(deadlineMs)
        ? new SandboxError('invalid', `${what}: deadlineMs is not a number; give milliseconds.`, {
            started: 'no',
          })
        : timedOut(what, deadlineMs, 'no'),
    );
  }

  // One promise of its own per call and no Promise.race: racing against something that lives long (a channel's
  // end, a caller's signal) keeps every loser, and what it holds, alive for as long as that lives.
  return new Promise<T>((resolve, reject) => {
    const inner = new AbortController();
    let endsAt = performance.now() + deadlineMs;
    let timer: NodeJS.Timeout | undefined;

    const letGo = () => {
      clearTimeout(timer);
      caller?.removeEventListener('abort', onAbort);
    };
    const giveUp = (error: SandboxError) => {
      letGo();
      reject(error);
      inner.abort(error);
    };
    const onAbort = () => giveUp(cancelled(what, 'unknown', caller?.reason));
    const onTimer = () => {
      if (performance.now() < endsAt - 1) arm();
      else giveUp(timedOut(what, deadlineMs, 'unknown'));
    };
    const arm = () => {
      if (endsAt === Number.POSITIVE_INFINITY) return;
      const waitMs = Math.max(1, Math.ceil(endsAt - performance.now()));
      timer = setTimeout(onTimer, Math.min(LONGEST_TIMER_MS, waitMs));
    };

    arm();
    caller?.addEventListener('abort', onAbort, { once: true });
    const call: BoundedCall = {
      left: () => ({ signal: inner.signal, deadlineMs: Math.max(1, endsAt - performance.now()) }),
      progress: () => {
        if (options?.deadlineMs === undefined) endsAt = performance.now() + deadlineMs;
      },
    };
    const failed = (error: unknown) => {
      letGo();
      // Work that listens to the caller's own signal may notice first, with an error of its own kind.
      const byCaller = caller?.aborted === true && !SandboxError.isInstance(error);
      reject(byCaller ? cancelled(what, 'unknown', caller.reason) : error);
    };
    try {
      run(inner.signal, call).then((value) => {
        letGo();
        resolve(value);
      }, failed);
    } catch (error) {
      failed(error);
    }
  });
}

/** Throws `cancelled` when the signal has aborted: for work between two waits. */
export function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
  if (!signal?.aborted) return;
  throw SandboxError.isInstance(signal.reason) ? signal.reason : cancelled(what, 'unknown', signal.reason);
}

function cancelled(what: string, started: 'no' | 'unknown', cause: unknown): SandboxError {
  const done = started === 'no' ? 'Nothing was started.' : 'Look at the result before you repeat it.';
  return new SandboxError('cancelled', `${what} was cancelled by its caller. ${done}`, { started, cause });
}

function timedOut(what: string, deadlineMs: number, started: 'no' | 'unknown'): SandboxError {
  const next =
    started === 'no'
      ? 'Nothing was started. Give a longer deadlineMs.'
      : 'Look at the result before you repeat it, or give a longer deadlineMs.';
  return new SandboxError('timeout', `${what} was not done within ${Math.round(deadlineMs)} ms. ${next}`, {
    started,
  });
}
