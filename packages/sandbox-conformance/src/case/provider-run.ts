import assert from 'node:assert/strict';
import type { Provider } from '@boxyard/sandbox-core';
import { DEFAULT_WAIT_MS, type RunCaseOptions, runWithEndings } from './case-run.ts';
import type { ProviderCase, ProviderSubject } from './provider-case.ts';

/** Resolves when the case holds, or when the provider says itself that it lacks what the case needs. */
export async function runProviderCase(
  one: ProviderCase,
  subject: ProviderSubject,
  options: RunCaseOptions = {},
): Promise<void> {
  const { provider } = subject;
  if (one.needs !== undefined && !provider[one.needs].available) return assertLacking(provider, one.needs);
  const waitMs = options.waitMs ?? DEFAULT_WAIT_MS;
  await runWithEndings(`case ${one.id}`, waitMs, (steps) => one.run({ subject, provider, waitMs, ...steps }));
}

/** What a provider lacks is a value that says why. */
export function assertLacking(provider: Provider, name: NonNullable<ProviderCase['needs']>): void {
  const capability = provider[name];
  assert.equal(capability.available, false, `${name} is available, so its cases have to run`);
  if (!capability.available) assert.ok(capability.reason.trim().length > 0, `${name} gives no reason`);
}
