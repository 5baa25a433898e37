// Steps that cases about providers share.
import assert from 'node:assert/strict';
import type { Box, BoxRef, BoxTag, ListedBox } from '@boxyard/sandbox-core';
import { textOf } from './case-steps.ts';
import type { ProviderCaseContext } from './provider-case.ts';

export function tagOf(context: ProviderCaseContext, epoch = 1): BoxTag {
  return { deployment: 'conformance', group: context.unique('group'), epoch };
}

/** Creates a box that is closed and destroyed with the case. */
export async function create(
  context: ProviderCaseContext,
  tag: BoxTag = tagOf(context),
  environment: Readonly<Record<string, string>> = {},
): Promise<Box> {
  const box = await context.provider.create({ tag, environment }, { deadlineMs: context.waitMs });
  context.defer(() => context.provider.destroy(box.ref, { deadlineMs: context.waitMs }));
  context.defer(() => box.close());
  return box;
}

export async function resume(
  context: ProviderCaseContext,
  ref: BoxRef,
  epoch = 1,
  provider = context.provider,
): Promise<Box> {
  const box = await provider.resume(ref, { epoch, environment: {}, deadlineMs: context.waitMs });
  context.defer(() => box.close());
  return box;
}

export async function listed(context: ProviderCaseContext): Promise<readonly ListedBox[]> {
  const { listing } = context.provider;
  if (!listing.available) assert.fail(`listing is unavailable: ${listing.reason}`);
  const all: ListedBox[] = [];
  for await (const one of listing.use.list({ deadlineMs: context.waitMs })) all.push(one);
  return all;
}

export async function says(box: Box, script: string): Promise<string> {
  return textOf((await box.exec({ program: { script } })).stdout);
}

export const storedForm = (ref: BoxRef): BoxRef => JSON.parse(JSON.stringify(ref)) as BoxRef;
