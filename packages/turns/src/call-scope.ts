// Which tool call is being worked on: the SDK does not say it to the session that runs its commands.
import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';

export interface CallScope {
  readonly callId: string;
  /** Of the command that the call may start. */
  readonly opId: string;
}

const scopes = new AsyncLocalStorage<CallScope & { taken: boolean }>();

/** The same for the same call of the same turn, so that it can never become a second command. */
export function opIdOf(turnId: string, callId: string): string {
  return `turn-${createHash('sha256').update(`${turnId}/${callId}`).digest('hex').slice(0, 40)}`;
}

export const inCall = <T>(scope: CallScope, work: () => Promise<T>): Promise<T> =>
  scopes.run({ ...scope, taken: false }, work);

/** For the one command of a call; undefined outside of calls, and for what a tool runs beside it. */
export function takeOpId(): string | undefined {
  const scope = scopes.getStore();
  if (scope === undefined || scope.taken) return undefined;
  scope.taken = true;
  return scope.opId;
}

/** Undefined outside of calls. */
export const currentCallId = (): string | undefined => scopes.getStore()?.callId;
