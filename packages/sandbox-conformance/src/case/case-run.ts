// Runs one case against one subject: the same way under vitest and without it.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BoxCapabilities } from '@boxyard/sandbox-core';
import type { BoxCase, BoxSubject } from './box-case.ts';

/** What a case waits for one thing when nothing else is said. */
export const DEFAULT_WAIT_MS = 30_000;

let names = 0;

export interface RunCaseOptions {
  /** See `BoxCaseContext.waitMs`. */
  readonly waitMs?: number | undefined;
}

/** Resolves when the case holds; rejects with what was wrong. */
export async function runBoxCase(
  one: BoxCase,
  subject: BoxSubject,
  options: RunCaseOptions = {},
): Promise<void> {
  const { box } = subject;
  if (one.needs !== undefined && !box.capabilities[one.needs].available) {
    assertUnavailable(box.capabilities, one.needs);
    return;
  }
  const waitMs = options.waitMs ?? DEFAULT_WAIT_MS;
  await runWithEndings(`case ${one.id}`, waitMs, (steps) => one.run({ subject, box, waitMs, ...steps }));
}

/** Names and endings that every case gets. */
export interface CaseSteps {
  unique(hint: string): string;
  defer(end: () => Promise<unknown>): void;
}

/** Runs a case and afterwards, in reverse order, what it deferred; each step is bounded. */
export async function runWithEndings(
  what: string,
  waitMs: number,
  run: (steps: CaseSteps) => Promise<void>,
): Promise<void> {
  const endings: (() => Promise<unknown>)[] = [];
  let failure: { readonly error: unknown } | null = null;
  const settle = async (step: string, ended: Promise<unknown>) => {
    try {
      await within(waitMs, step, ended);
    } catch (error) {
      // The first failure is the one to show: what follows is often its consequence.
      failure ??= { error };
    }
  };
  const steps: CaseSteps = {
    unique: (hint) => `${hint}-${process.pid.toString(36)}-${(++names).toString(36)}`,
    defer: (end) => void endings.push(end),
  };
  await settle(what, run(steps));
  for (const end of endings.reverse()) await settle(`the end of ${what}`, end());
  if (failure !== null) throw (failure as { readonly error: unknown }).error;
}

/** Fails when `promise` has not settled in time; what it waits for goes on and is not our business any more. */
export async function within<T>(waitMs: number, what: string, promise: Promise<T>): Promise<T> {
  const controller = new AbortController();
  const late = sleep(waitMs, undefined, { signal: controller.signal }).then(() =>
    assert.fail(`${what} had not ended after ${waitMs} ms`),
  );
  late.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    controller.abort();
  }
}

/** A capability that is missing is a value that says why. */
export function assertUnavailable(capabilities: BoxCapabilities, name: keyof BoxCapabilities): void {
  const capability = capabilities[name];
  assert.equal(capability.available, false, `${name} is available, so its cases have to run`);
  if (!capability.available) assert.ok(capability.reason.trim().length > 0, `${name} gives no reason`);
  assert.ok(!('use' in capability), `${name} is unavailable and still hands out something to use`);
}
